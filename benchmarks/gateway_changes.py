"""How long one change of weight takes: `python -m benchmarks.gateway_changes [--counts 1 100]`.

Among many ModelDeployments, with a real Envoy and the real agent, without a cluster; time runs from
telling the agent until Envoy runs with the new routes. Prints medians and the worst, Envoy's CPU
per change, and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.gateway_overhead import cpu_seconds
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import World
from tests.local.gateway.ring import a_ring, a_table

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = (1, 100, 1000)
CHANGES = 10
LIMIT_SECONDS = 2.0


def a_crowd(count: int) -> World:
    """So many ModelDeployments of two versions with two pods each, in 20 namespaces."""
    keys = [f"team-{n % 20}/model-{n}" for n in range(count)]
    tables = {}
    endpoints = {}
    for number, key in enumerate(keys):
        table = a_table(1000)
        versions = [replace(v, service=f"m{number}-{v.name}-aaaaa") for v in table.versions]
        tables[key] = replace(table, versions=tuple(versions))
        for version in versions:
            hosts = [f"10.{number // 250}.{number % 250}.{at}" for at in (1, 2)]
            endpoints[ServiceName(key.split("/")[0], version.service)] = Endpoints(
                http=tuple(Address(host, 3000) for host in hosts),
                grpc=tuple(Address(host, 3001) for host in hosts),
            )
    return World(tables, endpoints)


async def measure(count: int) -> tuple[list[float], float, float]:
    """Seconds of each change, Envoy's CPU seconds per change, Envoy's memory in MB."""
    world = a_crowd(count)
    took: list[float] = []
    key = "team-0/model-0"
    with tempfile.TemporaryDirectory() as folder:
        async with a_ring(Path(folder), world) as ring:
            await ring.tell(world)
            before = cpu_seconds(ring.envoy.pid)
            for epoch in range(2, CHANGES + 2):
                champion, challenger = world.tables[key].versions
                changed = replace(challenger, buckets=((0, epoch * 100),))
                table = replace(world.tables[key], epoch=epoch, versions=(champion, changed))
                world = World({**world.tables, key: table}, world.endpoints)
                began = time.perf_counter()
                await ring.tell(world)
                took.append(time.perf_counter() - began)
            spent = (cpu_seconds(ring.envoy.pid) - before) / CHANGES
            status = Path(f"/proc/{ring.envoy.pid}/status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return took, spent, int(resident.split()[1]) / 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    given = parser.parse_args(arguments)
    worst = 0.0
    print(f"{'deployments':>12}{'median':>12}{'worst':>12}{'Envoy CPU':>14}{'Envoy memory':>16}")
    for count in given.counts:
        took, spent, memory = asyncio.run(measure(count))
        worst = max(worst, *took)
        print(
            f"{count:12}{median(took):10.3f} s{max(took):10.3f} s{spent:12.3f} s{memory:13.0f} MB"
        )
    return 0 if worst <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
