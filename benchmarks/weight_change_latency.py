"""From `kubectl apply` of a weight to the first request that is split by it.

`python -m benchmarks.weight_change_latency [--changes 40]`, on the project's cluster with the
product installed. Clients ask all the while, open loop; those whose bucket changes hands with a
change are its witnesses. Time runs from the start of the `kubectl` process.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.harness import model, split, traffic
from tests.harness.access import project_access
from tests.harness.live import Live, Name
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.records import quantile
from tests.harness.ring import Ring, is_settled, table_of
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo.contract import RoutingTable
    from tests.harness.live import Object
    from tests.harness.records import Records

WEIGHTS = (20.0, 60.0, 10.0, 40.0)
LIMIT_SECONDS = 2.0
RATE = 200.0
POPULATION = 400
NAME = "weights"
QUESTION = model.question(model.rows()[:1])


@dataclass(frozen=True)
class Change:
    """A change of weight: when `kubectl` was started and ended, and the routes on both sides."""

    started: float
    ended: float
    before: RoutingTable
    after: RoutingTable


@dataclass(frozen=True)
class Delay:
    """Seconds after the start of `kubectl`.

    Attributes:
        kubectl: until it ended.
        first: until the first request of a witness that went to its new version was sent.
        last: until the last one that still went to the old version was sent.
    """

    kubectl: float
    first: float
    last: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weight_change_latency")
    parser.add_argument("--changes", type=int, default=40)
    count = parser.parse_args(arguments).changes
    live = Live(project_access())
    namespace = f"weights-{secrets.token_hex(3)}"
    live.create("Namespace", None, {"metadata": {"name": namespace}})
    try:
        changes, seen = run(Ring(live, namespace), count)
    finally:
        live.delete(Name("Namespace", namespace))
    ends = [*(later.started for later in changes[1:]), float("inf")]
    delays = [delay(change, seen, end) for change, end in zip(changes, ends, strict=True)]
    return report(delays, seen)


def run(ring: Ring, count: int) -> tuple[list[Change], Records]:
    ring.apply(weighing(10))
    ring.settled(NAME)
    order = ring.order(NAME, QUESTION, Phase(RATE, 60 + 8.0 * count), population=POPULATION)
    with traffic.under(order) as load:
        changes = []
        for number in range(count):
            changes.append(change(ring, WEIGHTS[number % len(WEIGHTS)]))
            say(f"change {number + 1} of {count}")
            everybody_asks(load)
        return changes, load.stop()


def everybody_asks(load: traffic.Traffic) -> None:
    later = time.time() + 1.5 * POPULATION / RATE
    load.until_seen("every client asked again", lambda s: s.all[-1].sent > later, seconds=30)


def weighing(percent: float) -> Object:
    v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, percent)
    return model_deployment(NAME, v1, (v2,))


def change(ring: Ring, percent: float) -> Change:
    before = table_of(ring.settled(NAME))
    started = time.time()
    ring.apply(weighing(percent))
    ended = time.time()

    def applied(resource: Object | None) -> bool:
        return is_settled(resource) and table_of(resource or {}).epoch > before.epoch

    resource = until(f"{percent} %", lambda: ring.resource(NAME), applied, seconds=30)
    assert resource is not None
    return Change(started, ended, before, table_of(resource))


def delay(change: Change, seen: Records, end: float) -> Delay:
    """When the witnesses of a change met their new version, and last met the old one.

    Args:
        change: the change.
        seen: all requests.
        end: when the next change began.
    """
    first, last = float("inf"), 0.0
    for record in seen.between(change.started, end).all:
        old = split.owner(change.before, record.entity)
        new = split.owner(change.after, record.entity)
        if old == new or record.failed:
            continue
        if record.version == new:
            first = min(first, record.sent - change.started)
        else:
            last = max(last, record.sent - change.started)
    return Delay(change.ended - change.started, first, last)


def report(delays: Sequence[Delay], seen: Records) -> int:
    def quantiles(values: list[float]) -> dict[str, float]:
        return {f"p{100 * share:.0f}": round(quantile(values, share), 3) for share in (0.5, 0.99)}

    first = quantiles([d.first for d in delays])
    print(
        json.dumps(
            {
                "changes": len(delays),
                "seconds_until_first_right_split": first,
                "seconds_until_last_wrong_split": quantiles([d.last for d in delays]),
                "seconds_of_kubectl_itself": quantiles([d.kubectl for d in delays]),
                "limit_seconds": LIMIT_SECONDS,
                "ratio_to_limit": round(first["p99"] / LIMIT_SECONDS, 3),
                "requests": len(seen),
                "failed": len(seen.failed),
                "sender_late_p99_seconds": round(seen.lateness(0.99), 4),
            },
            indent=2,
        )
    )
    return 0 if first["p99"] <= LIMIT_SECONDS and not seen.failed else 1


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
