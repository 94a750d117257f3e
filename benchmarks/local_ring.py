"""What a local ring costs: stages of the demo, added latency, and requests lost in changes.

`python -m benchmarks.local_ring [--parts demo latency changes]`, without a cluster. The latency is
that of the sample bento through a running ring against the very same process asked directly, in
turn, in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.gateway_overhead import Question, by_own_client
from cluster.paths import REPOSITORY
from dohyo.cluster.kinds import POD
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import model
from tests.harness.until import until
from tests.local.gateway.load import a_load
from tests.local.ring.house import BRISK, House, a_request, a_spec, speakers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT_ADDED_MS = 0.5
LIMIT_DEMO_SECONDS = 180.0
LIMIT_FIRST_ANSWER_SECONDS = 20.0
REQUESTS = 10_000


def demo() -> bool:
    """Runs the demo as `make demo` does, and tells its stages."""
    command = [sys.executable, "-m", "examples.demo", "--output", "json"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return False
    stages: dict[str, float] = json.loads(done.stdout)["stages"]
    for stage, seconds in stages.items():
        print(f"demo       {stage:14}{seconds:8.1f} s")
    first = stages["first answer"]
    print(f"           load of the machine: {os.getloadavg()[0]:.1f}")
    return _kept("whole demo", stages["whole"], LIMIT_DEMO_SECONDS, "s") & _kept(
        "dohyo up to the first answer", first, LIMIT_FIRST_ANSWER_SECONDS, "s"
    )


def latency(seconds: int, rounds: int) -> bool:
    """p50 through the ring against the bento alone, one client and one request at a time."""
    samples.ensure()
    asked = model.question(model.rows()[:1])
    with a_house(BENTOML_HOME) as house:
        spec: dict[str, Any] = {"champion": {"name": "v1", "bento": model.LOGISTIC}}
        house.write(spec)
        house.up()
        (pod,) = house.asked(POD.path("default"))["items"]
        port = int(pod["metadata"]["annotations"]["local.dohyo.dev/http-port"])
        direct_question = Question(asked.path, asked.body)
        path = f"/default/words{asked.path}"
        found: list[tuple[float, float]] = []
        for _ in range(rounds):
            direct = asyncio.run(by_own_client(port, direct_question, 1, seconds))
            ring = asyncio.run(by_own_client(house.port, Question(path, asked.body), 1, seconds))
            found.append((direct.p50, ring.p50))
            print(f"latency    direct {direct.p50:.3f} ms, through the ring {ring.p50:.3f} ms p50")
    added = median(ring - direct for direct, ring in found)
    return _kept("added p50, one client", added, LIMIT_ADDED_MS, "ms")


def changes() -> bool:
    """Ten thousand requests through every change of a ring; how many were lost, and when."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home, a_house(Path(home)) as house:
        speakers(Path(home), "one", "two", "three")
        house.write(a_spec("one", ("two", 10), scaling={"minReplicas": 2}))
        house.up()
        return asyncio.run(_changes(house))


async def _changes(house: House) -> bool:
    two = {"minReplicas": 2}
    async with a_load(house, a_request, gap_seconds=0.002) as load:  # type: ignore[arg-type]

        async def stage(name: str, spec: dict[str, Any] | None, **shares: float) -> None:
            began, asked, lost = time.monotonic(), load.total, len(load.lost)
            if spec is None:
                os.kill(min(house.processes("one")), signal.SIGKILL)
                await load.more(500)
                await asyncio.to_thread(_until_ready, house, "one", 2)
            else:
                house.write(spec)
                await asyncio.to_thread(house.until_shares, **shares)
                await asyncio.to_thread(house.until_ready)
                wanted = spec["scaling"]["minReplicas"]
                for version in shares:
                    await asyncio.to_thread(_until_exactly, house, version, wanted)
                await load.more(200)
            print(
                f"changes    {name:16}{time.monotonic() - began:6.1f} s, "
                f"{load.total - asked:6,} requests, {len(load.lost) - lost} lost"
            )

        await stage("weight 10 to 50", a_spec("one", ("two", 50), scaling=two), one=50, two=50)
        wider = a_spec("one", ("two", 50), scaling={"minReplicas": 3})
        await stage("two to three", wider, one=50, two=50)
        narrow = a_spec("one", ("two", 50), scaling=two)
        await stage("three to two", narrow, one=50, two=50)
        await stage("a killed replica", None)
        swapped = a_spec("three", ("two", 50), scaling=two)
        await stage("another champion", swapped, three=50, two=50)
        await load.more(max(0, REQUESTS - load.total))
    print(f"changes    {load.total:,} requests, {len(load.lost)} lost: {load.lost[:3]}")
    return _kept("requests lost", len(load.lost), 0, "")


def _until_exactly(house: House, version: str, wanted: int) -> None:
    until("replicas", lambda: len(house.processes(version)), wanted.__eq__, seconds=60)
    _until_ready(house, version, wanted)


def _until_ready(house: House, version: str, least: int) -> None:
    until("replicas", lambda: house.ready(version), lambda n: n >= least, seconds=60)


@contextmanager
def a_house(home: Path) -> Iterator[House]:
    """A ring in a folder of its own, ended whatever happens."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        house = House(Path(folder), home, environment=BRISK)
        try:
            yield house
        finally:
            house.end()


def _kept(what: str, value: float, limit: float, unit: str) -> bool:
    good = value <= limit
    print(f"limit: {what}: {value:.3g} of {limit:g} {unit}: {'kept' if good else 'BROKEN'}\n")
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parts = ("demo", "latency", "changes")
    parser.add_argument("--parts", choices=parts, nargs="+", default=parts)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement of latency")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    good = True
    if "demo" in given.parts:
        good &= demo()
    if "latency" in given.parts:
        good &= latency(given.seconds, given.rounds)
    if "changes" in given.parts:
        good &= changes()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
