"""What many ModelDeployments cost the operator, with pods that cannot start.

`python -m benchmarks.reconcile_scale [--counts 50,300,1000]`, on the project's cluster. The
operator runs as a process of this machine and watches a namespace of the benchmark's own. Every
ModelDeployment has a champion of one replica that no node takes (a selector that none fulfils; to
cordon the nodes would stop everybody else's pods as well).

For each count: time until every child and every status is there, the operator's CPU seconds and
memory, its requests to the API server per object, and what it writes while nothing changes: 0.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.access import project_access
from tests.harness.commands import Release
from tests.harness.installation import CRDS, NAMESPACE
from tests.harness.live import Live, Name
from tests.harness.manifests import model_deployment, version
from tests.harness.operator_process import OperatorProcess, Station, operator
from tests.harness.until import until
from tests.harness.usage import sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.harness.live import Object

COUNTS = (50, 300, 1000)
LIMIT_COUNT, LIMIT_SECONDS, LIMIT_MEGABYTES = 300, 30.0, 250.0
SETTLE_SECONDS = 900
QUIET_SECONDS = 15
CREATORS = 8


@dataclass(frozen=True)
class Cost:
    """What one crowd has cost.

    Attributes:
        count: ModelDeployments.
        created_seconds: from the first to the last of them being created.
        settled_seconds: from the first being created until all children and statuses are there.
        explained_seconds: until each status also says why its pod does not start; that waits for
            Kubernetes' own controllers, which make 20 requests per second.
        cpu_seconds: of the operator, for all that.
        megabytes: its memory then.
        objects: children and ModelDeployments together.
        requests, writes: of the operator, for that.
        quiet_writes: while nothing changes, within QUIET_SECONDS.
        quiet_cpu: CPU seconds while nothing changes, per second.
    """

    count: int
    created_seconds: float
    settled_seconds: float
    explained_seconds: float
    cpu_seconds: float
    megabytes: float
    objects: int
    requests: int
    writes: int
    quiet_writes: int
    quiet_cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconcile_scale")
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)))
    counts = [int(text) for text in parser.parse_args(arguments).counts.split(",")]
    print(f"crowds of {counts}; about {sum(counts) * 0.25 + 60 * len(counts):.0f} s", flush=True)
    CRDS.install()
    # An installed operator would look after the crowd as well, and each would repair the other's.
    Release("dohyo", "dohyo", NAMESPACE).uninstall()
    costs = [measure(count) for count in counts]
    return report(costs)


def measure(count: int) -> Cost:
    """One crowd in a namespace of its own, removed in the end."""
    live = Live(project_access())
    namespace = f"scale-{secrets.token_hex(3)}"
    live.create("Namespace", None, {"metadata": {"name": namespace}})
    try:
        with tempfile.TemporaryDirectory() as folder:
            station = Station(
                kubeconfig=project_access().kubeconfig,
                home=namespace,
                watched=namespace,
                log=Path(folder) / "operator.log",
            )
            with operator(station) as process:
                return _measure(live, namespace, process, count)
    finally:
        live.delete(Name("Namespace", namespace))
        until(
            f"namespace {namespace} is gone",
            lambda: live.get(Name("Namespace", namespace)) is None,
            seconds=SETTLE_SECONDS,
        )


def _measure(live: Live, namespace: str, process: OperatorProcess, count: int) -> Cost:
    requests, writes = process.requests(), process.writes()
    cpu = process.cpu_seconds()
    began = time.monotonic()
    with ThreadPoolExecutor(CREATORS) as pool:
        list(pool.map(lambda i: live.create("ModelDeployment", namespace, _one(i)), range(count)))
    created = time.monotonic() - began
    until(
        f"{count} ModelDeployments settle",
        lambda: _complete(live, namespace),
        lambda done: done == count,
        seconds=SETTLE_SECONDS,
    )
    settled = time.monotonic() - began
    until(
        f"{count} statuses tell of the pod",
        lambda: sum(1 for md in live.listed("ModelDeployment", namespace) if _explains(md)),
        lambda done: done == count,
        seconds=SETTLE_SECONDS,
    )
    explained = time.monotonic() - began
    _until_quiet(process)
    spent = process.cpu_seconds() - cpu
    asked, written = process.requests(), process.writes()
    resident = sample(process.metrics(), "process_resident_memory_bytes")
    cpu, quiet_from = process.cpu_seconds(), time.monotonic()
    time.sleep(QUIET_SECONDS)  # the span that is measured
    quiet_cpu = (process.cpu_seconds() - cpu) / (time.monotonic() - quiet_from)
    return Cost(
        count=count,
        created_seconds=created,
        settled_seconds=settled,
        explained_seconds=explained,
        cpu_seconds=spent,
        megabytes=resident / 1e6,
        objects=count + sum(len(live.listed(k, namespace)) for k in ("Deployment", "Service")),
        requests=asked - requests,
        writes=written - writes,
        quiet_writes=process.writes() - written,
        quiet_cpu=quiet_cpu,
    )


def _one(number: int) -> Object:
    nowhere = {"spec": {"nodeSelector": {"dohyo.dev/nowhere": "true"}}}
    champion = version("v1", "crowd:1", podTemplate=nowhere)
    return model_deployment(
        f"crowd-{number}", champion, scaling={"minReplicas": 1, "maxReplicas": 2}
    )


def _complete(live: Live, namespace: str) -> int:
    """How many have both their Services, their Deployment and a status about this generation."""
    children: dict[str, int] = {}
    for kind in ("Deployment", "Service"):
        for child in live.listed(kind, namespace):
            for owner in child["metadata"].get("ownerReferences", ()):
                children[owner["name"]] = children.get(owner["name"], 0) + 1
    return sum(
        1
        for md in live.listed("ModelDeployment", namespace)
        if children.get(md["metadata"]["name"]) == 3
        and md.get("status", {}).get("observedGeneration") == md["metadata"]["generation"]
        and md["status"].get("versions")
    )


def _explains(md: Object) -> bool:
    versions = md.get("status", {}).get("versions", ())
    return any(version.get("reason") == "Unschedulable" for version in versions)


def _until_quiet(process: OperatorProcess) -> None:
    """Waits until a whole second passes without a write."""
    last = -1

    def settled() -> bool:
        nonlocal last
        now, before = process.writes(), last
        last = now
        time.sleep(1)
        return now == before

    until("the operator writes nothing more", settled, seconds=120)


def report(costs: Sequence[Cost]) -> int:
    """Prints a table; the exit code says whether the limits hold."""
    print(
        f"\n{'count':>6} {'created':>9} {'settled':>9} {'explained':>9} {'CPU':>8} {'RSS':>8}"
        f" {'requests':>9} {'writes':>8} {'quiet':>7} {'quiet CPU':>10}\n"
        f"{'':>6} {'s':>9} {'s':>9} {'s':>9} {'s':>8} {'MB':>8} {'/object':>9} {'/object':>8}"
        f" {'writes':>7} {'%':>10}"
    )
    for c in costs:
        print(
            f"{c.count:>6} {c.created_seconds:>9.1f} {c.settled_seconds:>9.1f}"
            f" {c.explained_seconds:>9.1f} {c.cpu_seconds:>8.1f}"
            f" {c.megabytes:>8.0f} {c.requests / c.objects:>9.2f} {c.writes / c.objects:>8.2f}"
            f" {c.quiet_writes:>7} {100 * c.quiet_cpu:>10.1f}"
        )
    broken = [
        c
        for c in costs
        if c.quiet_writes
        or (
            c.count <= LIMIT_COUNT
            and (c.settled_seconds > LIMIT_SECONDS or c.megabytes > LIMIT_MEGABYTES)
        )
    ]
    print(
        f"\nlimits: {LIMIT_COUNT} settled within {LIMIT_SECONDS:.0f} s and"
        f" {LIMIT_MEGABYTES:.0f} MB, nothing written in quiet times:"
        f" {'kept' if not broken else 'BROKEN'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
