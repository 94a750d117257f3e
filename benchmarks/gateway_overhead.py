"""What the gateway adds to a request: latency, CPU and throughput, against the version directly.

`python -m benchmarks.gateway_overhead [--upstream bento echo] [--seconds 5] [--rounds 3]`, without
a cluster: a real Envoy with one worker and the real agent on 127.0.0.1. Both ways are measured in
turn, in the same run, by wrk if it is installed, else by a client of our own.

The added latency is judged in front of the sample bento. Envoy's CPU is judged in front of an
application that does nothing, which keeps Envoy busy: in front of a slow one on the same cores,
Envoy wakes for each event by itself and finds its caches taken, and that costs more than its work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import World
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model
from tests.harness.http1 import Connection
from tests.local.gateway.conftest import await_pods
from tests.local.gateway.ring import HOST, KEY, Pod, a_ring, a_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONCURRENCIES = (1, 16)
LIMIT_ADDED_MS = 0.5
LIMIT_CPU_MICROSECONDS = 100.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Question:
    path: str
    body: str


@dataclass(frozen=True)
class Measured:
    """One run: latencies in milliseconds, requests per second and in all, all of them answered."""

    p50: float
    p99: float
    rate: float
    requests: int


@dataclass(frozen=True)
class Both:
    """The same question on both ways; CPU of Envoy alone, in microseconds per request."""

    direct: Measured
    gateway: Measured
    cpu: float


@dataclass(frozen=True)
class Upstream:
    port: int
    question: Question


@contextmanager
def an_upstream(kind: str) -> Iterator[Upstream]:
    """The sample bento with its own question, or an application that does nothing."""
    if kind == "bento":
        samples.ensure()
        question = model.question(model.rows()[:1])
        with bentos.served(model.LOGISTIC, home=BENTOML_HOME) as served:
            yield Upstream(served.port, Question(question.path, question.body))
        return
    pod = Pod.start("echo")
    try:
        await_pods(pod)
        yield Upstream(pod.http, Question("/predict", "{}"))
    finally:
        pod.end()


async def by_wrk(port: int, question: Question, clients: int, seconds: int) -> Measured:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f"wrk.method = 'POST'\nwrk.body = [==[{question.body}]==]\n"
            f"wrk.headers['Content-Type'] = 'application/json'\nwrk.headers['Host'] = '{HOST}'\n"
        )
        script.flush()
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "-s", script.name),
            f"http://127.0.0.1:{port}{question.path}",
            stdout=asyncio.subprocess.PIPE,
        )
        text = (await process.communicate())[0].decode()
    assert "Non-2xx" not in text, text
    assert "Socket errors" not in text, text
    requests = re.search(r"(\d+) requests in ([\d.]+)(s|m)", text)
    assert requests is not None, text
    count = int(requests[1])
    return Measured(_percentile(text, 50), _percentile(text, 99), count / seconds, count)


def _percentile(text: str, share: int) -> float:
    """In milliseconds."""
    found = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


async def by_own_client(port: int, question: Question, clients: int, seconds: int) -> Measured:
    request = (
        f"POST {question.path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(question.body)}\r\n\r\n{question.body}"
    ).encode()
    end = time.perf_counter() + seconds
    took: list[float] = []

    async def client() -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            answer = await connection.ask(request)
            assert answer.status == 200, answer
            took.append(time.perf_counter() - began)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    took.sort()
    at = [took[int(len(took) * share)] * 1000 for share in (0.5, 0.99)]
    return Measured(at[0], at[1], len(took) / seconds, len(took))


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def measure(upstream: Upstream, seconds: int, rounds: int) -> dict[int, list[Both]]:
    ask = by_wrk if shutil.which("wrk") else by_own_client
    service = ServiceName("shop", "satisfaction-v12-aaaaa")
    there = Endpoints(http=(Address("127.0.0.1", upstream.port),))
    world = World({KEY: a_table(1000)}, {service: there})
    found: dict[int, list[Both]] = {clients: [] for clients in CONCURRENCIES}
    with tempfile.TemporaryDirectory() as folder:
        async with a_ring(Path(folder), world) as ring:
            for port in (upstream.port, ring.port):
                await ask(port, upstream.question, CONCURRENCIES[-1], 1)
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
                for clients in CONCURRENCIES:
                    direct = await ask(upstream.port, upstream.question, clients, seconds)
                    before = cpu_seconds(ring.envoy.pid)
                    gateway = await ask(ring.port, upstream.question, clients, seconds)
                    spent = cpu_seconds(ring.envoy.pid) - before
                    found[clients].append(Both(direct, gateway, spent * 1e6 / gateway.requests))
    return found


def show(kind: str, found: dict[int, list[Both]]) -> bool:
    """Prints medians over the rounds; whether the limit that is judged here holds."""
    print(f"{kind:14}{'direct':>24}{'through the gateway':>26}{'added':>18}{'Envoy CPU':>12}")
    added: dict[int, float] = {}
    spent: dict[int, float] = {}
    for clients, rounds in found.items():

        def mid(way: str, what: str, rounds: Sequence[Both] = rounds) -> float:
            return float(median(getattr(getattr(both, way), what) for both in rounds))

        spent[clients] = cpu = median(both.cpu for both in rounds)
        for what in ("p50", "p99"):
            direct, gateway = mid("direct", what), mid("gateway", what)
            print(
                f"{clients:3} clients {what}{direct:21.3f} ms{gateway:23.3f} ms"
                f"{gateway - direct:+15.3f} ms{cpu:9.0f} us"
            )
        direct, gateway = mid("direct", "rate"), mid("gateway", "rate")
        print(
            f"{clients:3} clients   {direct:20.0f} /s{gateway:24.0f} /s{gateway / direct:14.2f} x"
        )
        added[clients] = mid("gateway", "p50") - mid("direct", "p50")
    if kind == "bento":
        good = added[1] <= LIMIT_ADDED_MS
        limit = f"p50 +{LIMIT_ADDED_MS} ms with one client"
    else:
        good = spent[max(spent)] <= LIMIT_CPU_MICROSECONDS
        limit = f"{LIMIT_CPU_MICROSECONDS:.0f} us of Envoy's CPU with {max(spent)} clients"
    print(f"limit: {limit}: {'kept' if good else 'BROKEN'}\n")
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = ("bento", "echo")
    parser.add_argument("--upstream", choices=kinds, nargs="+", default=kinds)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    lasts = (given.rounds * len(CONCURRENCIES) * 2 * given.seconds + 10) * len(given.upstream)
    print(f"about {lasts:.0f} s", file=sys.stderr)
    good = True
    for kind in given.upstream:
        with an_upstream(kind) as upstream:
            good &= show(kind, asyncio.run(measure(upstream, given.seconds, given.rounds)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
