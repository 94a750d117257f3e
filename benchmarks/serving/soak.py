"""`python -m benchmarks.serving.soak`: ten minutes at 70 % of what a server can do.

The serving form over HTTP, one row of 30 numbers, with ids and counts on. Capacity is measured
first, by 16 clients that ask again at once; then each keeps a schedule, and an answer's latency
counts from when its request was due. Both figures hold what the clients' own loop costs. Reports
memory growth after the first tenth, p99 of the first and the last tenth, and every answer that is
no 200. Ends with code 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.serving import measuring, servers, subjects

if TYPE_CHECKING:
    from benchmarks.serving.servers import Server

CLIENTS = 16
SHARE = 0.7
MOST_GROWTH = 0.02
MOST_P99_OVER_P50 = 10.0
TENTHS = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.serving.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="dohyo-soak-") as folder:
        work = Path(folder)
        subject = subjects.numbers(work)
        with servers.running("dohyo form", subject, work) as server:
            capacity = asyncio.run(_load(server, 10.0, None)).rate
            soak = asyncio.run(_load(server, seconds, capacity * SHARE))
    return _report(capacity, soak)


class Soak:
    """What was seen, by tenths of the time: seconds of each answer, bytes held at each end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.tenths: list[list[float]] = [[] for _ in range(TENTHS)]
        self.memory: list[int] = []
        self.failed = 0
        self.cpu = 0.0

    @property
    def count(self) -> int:
        return sum(map(len, self.tenths))

    @property
    def rate(self) -> float:
        return self.count / self.seconds


async def _load(server: Server, seconds: float, rate: float | None) -> Soak:
    """Asks at a rate, or as fast as answers come; waiting for a busy client counts as latency."""
    soak = Soak(seconds)
    body = server.body.read_bytes()
    before = measuring.cpu_seconds(server.process.pid)
    began = time.monotonic()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CLIENTS),
        headers={"Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=30),
    ) as session:

        async def client(number: int) -> None:
            turn = 0
            while True:
                now = time.monotonic()
                due = now if rate is None else began + (turn * CLIENTS + number) / rate
                if max(due, now) >= began + seconds:
                    return
                if due > now:
                    await asyncio.sleep(due - now)
                try:
                    async with session.post(server.url, data=body) as answer:
                        await answer.read()
                        soak.failed += answer.status != 200
                except (aiohttp.ClientError, TimeoutError):
                    soak.failed += 1
                place = min(TENTHS - 1, int((due - began) / seconds * TENTHS))
                soak.tenths[place].append(time.monotonic() - due)
                turn += 1

        async def watch() -> None:
            for tenth in range(1, TENTHS + 1):
                end = began + seconds * tenth / TENTHS
                await asyncio.sleep(max(0.0, end - time.monotonic()))
                soak.memory.append(measuring.memory_bytes(server.process.pid))

        await asyncio.gather(watch(), *(client(number) for number in range(CLIENTS)))
    soak.cpu = measuring.cpu_seconds(server.process.pid) - before
    return soak


def _report(capacity: float, soak: Soak) -> int:
    print("| tenth | requests | p50 ms | p99 ms | memory MB |\n|---|---|---|---|---|")
    for number, (latencies, memory) in enumerate(zip(soak.tenths, soak.memory, strict=True)):
        p50, p99 = 1e3 * _share(latencies, 0.5), 1e3 * _share(latencies, 0.99)
        print(f"| {number + 1} | {len(latencies)} | {p50:.2f} | {p99:.2f} | {memory / 1e6:.1f} |")
    everything = [each for tenth in soak.tenths for each in tenth]
    growth = soak.memory[-1] / soak.memory[0] - 1
    spread = _share(everything, 0.99) / _share(everything, 0.5)
    drift = _share(soak.tenths[-1], 0.99) / _share(soak.tenths[0], 0.99)
    print(f"\n{soak.rate:.0f} of {capacity:.0f} requests per second for {soak.seconds:.0f} s")
    print(f"CPU per request: {1e6 * soak.cpu / soak.count:.0f} µs; p99, last/first: {drift:.2f}")
    print(f"errors: {soak.failed} (limit 0)")
    print(f"memory growth: {100 * growth:.2f} % (limit {100 * MOST_GROWTH:g} %)")
    print(f"p99/p50: {spread:.1f} (limit {MOST_P99_OVER_P50:g})")
    return int(soak.failed > 0 or growth > MOST_GROWTH or spread > MOST_P99_OVER_P50)


def _share(values: list[float], share: float) -> float:
    """The value that this share of all lies below; not-a-number without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


if __name__ == "__main__":
    sys.exit(main())
