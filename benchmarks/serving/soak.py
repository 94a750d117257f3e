"""`python -m benchmarks.serving.soak`: ten minutes at 70 % of what a server can do.

The serving form over HTTP, one row of 30 numbers, with ids and counts on, alone on core 0; the
clients on core 1. Capacity is the median of twelve windows in which 16 clients ask again at once:
a shared machine is at times half as fast as a moment before. Then 64 clients pause at random
between their requests, so that these come as from users who do not know of each other. They all
begin in one moment, but that once only. While the machine is slower than the load, all of them
wait, so that p99 tells how many there are (`--clients`).

Reports memory growth after the first tenth and every answer that is no 200. Ends with code 1 when
a limit is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.serving import measuring, servers, subjects
from benchmarks.serving.measuring import Load

if TYPE_CHECKING:
    from collections import Counter

    from benchmarks.serving.measuring import Measured, Paced
    from benchmarks.serving.servers import Server

WINDOWS, WINDOW_SECONDS, ASKING_AT_ONCE = 12, 5.0, 16
CLIENTS = 64
TRIAL_SECONDS = 10
SHARE = 0.7
MOST_GROWTH = 0.02
MOST_P99_OVER_P50 = 10.0
TENTHS = 10
SHARES = (0.5, 0.9, 0.99, 0.999)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.serving.soak", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--server", choices=servers.EVERY, default="dohyo form")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dohyo-soak-") as folder:
        work = Path(folder)
        with servers.running(chosen.server, subjects.numbers(work), work) as server:
            windows = [_window(server, work) for _ in range(1 + WINDOWS)][1:]
            rate = SHARE * median(each.rate for each in windows)
            load = _load(server, rate, chosen, work)
            before = measuring.cpu_seconds(server.process.pid)
            found, memory = _loaded(server, load, work)
            spent = measuring.cpu_seconds(server.process.pid) - before
    _print_capacity(windows)
    return _report(found, memory, load, spent)


def _window(server: Server, work: Path) -> Measured:
    return measuring.by_http(server, ASKING_AT_ONCE, WINDOW_SECONDS, work)


def _load(server: Server, rate: float, chosen: argparse.Namespace, work: Path) -> Load:
    """The pauses that make the rate, shorter by the time in which a client waits for an answer."""
    clients = chosen.clients
    trial = Load(clients, clients / rate, TRIAL_SECONDS)
    answered = measuring.paced(server, trial, work).requests / TRIAL_SECONDS
    waiting = clients / answered - trial.pause_seconds
    return Load(clients, max(0.0, clients / rate - waiting), chosen.seconds)


def _loaded(server: Server, load: Load, work: Path) -> tuple[Paced, list[int]]:
    """What was answered, and the bytes that the server holds after each tenth of the time."""
    memory = []
    with ThreadPoolExecutor(1) as aside:
        answers = aside.submit(measuring.paced, server, load, work)
        for tenth in range(1, TENTHS + 1):
            time.sleep(load.seconds / TENTHS)
            memory.append(measuring.memory_bytes(server.process.pid))
            print(f"{tenth} of {TENTHS}: {memory[-1] / 1e6:.1f} MB", file=sys.stderr, flush=True)
        return answers.result(), memory


def _print_capacity(windows: list[Measured]) -> None:
    rates = sorted(each.rate for each in windows)
    print(
        f"capacity: {median(rates):.0f} requests per second, median of {len(rates)} windows "
        f"from {rates[0]:.0f} to {rates[-1]:.0f}\n"
    )


def _report(found: Paced, memory: list[int], load: Load, spent: float) -> int:
    shares = {
        f"p{100 * share:g}": _share(found.answers, share) for share in (0.5, 0.9, 0.99, 0.999)
    }
    growth = memory[-1] / memory[0] - 1
    spread = shares["p99"] / shares["p50"]
    seconds = load.seconds
    print(
        f"{found.requests} answers, {found.requests / seconds:.0f} per second for {seconds} s "
        f"to {load.clients} clients"
    )
    print(
        f"CPU: {1e6 * spent / found.requests:.0f} µs per request, {spent / seconds:.0%} of the core"
    )
    print("ms: " + ", ".join(f"{name} {value:.2f}" for name, value in shares.items()))
    print(f"errors: {found.failed} (limit 0)")
    print(f"memory growth: {100 * growth:.2f} % (limit {100 * MOST_GROWTH:g} %)")
    print(f"p99/p50: {spread:.1f} (limit {MOST_P99_OVER_P50:g})")
    return int(found.failed > 0 or growth > MOST_GROWTH or spread > MOST_P99_OVER_P50)


def _share(answers: Counter[float], share: float) -> float:
    """The milliseconds that this share of all answers took at most; not-a-number without any."""
    left = share * answers.total()
    for milliseconds in sorted(answers):
        left -= answers[milliseconds]
        if left <= 0:
            return milliseconds
    return float("nan")


if __name__ == "__main__":
    sys.exit(main())
