"""`python -m benchmarks.serving`: our runtime beside other Python model servers, in one run.

Every server runs alone on core 0 with one worker, the load on core 1. What is compared is the CPU
time of the server's whole process tree for each request; times and rates depend on the machine.
Ends with code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.serving import measuring, servers, subjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.serving.measuring import Measured

HTTP, GRPC = "HTTP", "gRPC"
WARM_SECONDS, WARM_RATE, WARM_ROUNDS = 1.0, 10.0, 60


@dataclass(frozen=True)
class Key:
    """Which window: what is served, how it is asked, by whom, and by how many at once."""

    subject: str
    protocol: str
    server: str
    connections: int


@dataclass(frozen=True)
class Target:
    """The first server's CPU time is at most `most` times the second's."""

    subject: str
    protocol: str
    connections: int
    ours: str
    peer: str
    most: float


NUMBERS, RECORDS = subjects.NUMBERS, subjects.RECORDS
SUBJECTS = {
    NUMBERS: subjects.numbers,
    RECORDS: subjects.mixed_records,
    subjects.TREES_OF_NUMBERS: subjects.trees_of_numbers,
    subjects.TREES_OF_RECORDS: subjects.trees_of_records,
}
TARGETS = (
    Target(NUMBERS, HTTP, 16, "dohyo pipeline", "mlserver", 0.25),
    Target(NUMBERS, HTTP, 16, "dohyo pipeline", "starlette", 0.5),
    Target(NUMBERS, HTTP, 16, "dohyo form", "mlserver", 0.15),
    Target(NUMBERS, HTTP, 1, "dohyo form", "starlette", 0.6),
    Target(RECORDS, HTTP, 1, "dohyo form", "fastapi", 0.1),
    Target(NUMBERS, GRPC, 16, "dohyo form", "mlserver", 0.6),
)


def main() -> int:
    chosen = _parser().parse_args()
    # Ended from outside, it still ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="dohyo-serving-") as folder:
        work = Path(folder)
        found: dict[Key, list[Measured]] = {}
        for name in chosen.subjects:
            _measure(SUBJECTS[name](work), chosen, work, found)
    _print_table(found)
    return _judge(found)


def _measure(
    subject: subjects.Subject,
    chosen: argparse.Namespace,
    work: Path,
    found: dict[Key, list[Measured]],
) -> None:
    # Each round asks all servers: when the machine is slow for a while, it is so for most of them.
    for _ in range(chosen.rounds):
        for name in servers.names(subject):
            if name not in chosen.servers:
                continue
            try:
                with servers.running(name, subject, work) as server:
                    _warm_up(server, work)
                    for key, measured in _windows(server, name, subject, chosen, work):
                        _keep(found, key, measured)
            except (AssertionError, RuntimeError) as error:
                print(f"{name}: not measured: {error}", file=sys.stderr)


def _windows(
    server: servers.Server,
    name: str,
    subject: subjects.Subject,
    chosen: argparse.Namespace,
    work: Path,
) -> Iterator[tuple[Key, Measured]]:
    """One of each kind."""
    seconds = chosen.seconds
    for connections in chosen.connections:
        measured = measuring.by_http(server, connections, seconds, work)
        yield Key(subject.name, HTTP, name, connections), measured
    if server.grpc is None or not subject.numeric or chosen.no_grpc:
        return
    body = subjects.written(subject.grpc_body(), work / "grpc.json")
    for connections in chosen.connections:
        measured = measuring.by_grpc(server, body, connections, seconds)
        yield Key(subject.name, GRPC, name, connections), measured


def _warm_up(server: servers.Server, work: Path) -> None:
    """Asks until a whole second brought answers: some are ready long before they answer.

    Raises:
        RuntimeError: none comes.
    """
    for _ in range(WARM_ROUNDS):
        if measuring.by_http(server, 1, WARM_SECONDS, work).rate >= WARM_RATE:
            return
    raise RuntimeError(f"fewer than {WARM_RATE:g} answers a second after {WARM_ROUNDS} rounds")


def _keep(found: dict[Key, list[Measured]], key: Key, measured: Measured) -> None:
    found.setdefault(key, []).append(measured)
    print(f"{key} {measured}", file=sys.stderr, flush=True)


def _print_table(found: dict[Key, list[Measured]]) -> None:
    print("| subject | protocol | connections | server | CPU µs | rps | p50 ms | p99 ms | failed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for key in sorted(found, key=lambda k: (k.subject, k.protocol, k.connections)):
        windows = found[key]
        cpu, rate, p50, p99 = (
            median(getattr(each, name) for each in windows)
            for name in ("cpu", "rate", "p50", "p99")
        )
        failed = sum(each.failed for each in windows)
        print(
            f"| {key.subject} | {key.protocol} | {key.connections} | {key.server} "
            f"| {cpu:.0f} | {rate:.0f} | {p50:.2f} | {p99:.2f} | {failed} |"
        )


def _judge(found: dict[Key, list[Measured]]) -> int:
    print("\n| target | limit | measured | |\n|---|---|---|---|")
    missed = 0
    for target in TARGETS:
        ours, theirs = (
            found.get(Key(target.subject, target.protocol, name, target.connections))
            for name in (target.ours, target.peer)
        )
        what = f"{target.subject}, {target.protocol}, {target.connections} connections: "
        what += f"{target.ours} / {target.peer}"
        if not ours or not theirs:
            print(f"| {what} | {target.most} | not measured | |")
            continue
        ratio = median(m.cpu for m in ours) / median(m.cpu for m in theirs)
        missed += ratio > target.most
        verdict = "missed" if ratio > target.most else "held"
        print(f"| {what} | {target.most} | {ratio:.3f} | {verdict} |")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    every = servers.EVERY
    parser.add_argument("--servers", nargs="+", choices=every, default=every)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=3.0, help="of one window")
    parser.add_argument("--rounds", type=int, default=2, help="each starts every server anew")
    parser.add_argument("--no-grpc", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
