"""How many rows of feedback the evidence service stores per second, and whether it loses any.

`python -m benchmarks.evidence_throughput [--seconds 10] [--database URL]`: the real service as a
process on 127.0.0.1, senders in processes of their own, batches of 100 signed rows. In the middle
of the run the service is killed (SIGKILL) and started again. Without `--database` it runs on a
SQLite file and on a PostgreSQL of its own. Limit: 2,000 acknowledged rows per second, none lost,
none twice.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dohyo.contract.trials import LabelPlan
from tests.local.evidence.postgres import postgres
from tests.local.evidence.running import Service, key_folder, plan, quality, running
from tests.local.evidence.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_ROWS_PER_SECOND = 2_000.0
BATCH = 100
SENDERS = 3
PREPARED_BATCHES = 150


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence_throughput")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--database", default="")
    given = parser.parse_args(arguments)
    results = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        databases = [given.database] if given.database else [f"sqlite:///{folder}/evidence.db"]
        if not given.database:
            server = stack.enter_context(postgres(folder / "postgres"))
            databases.append(server.fresh())
        for number, database in enumerate(databases):
            results.append(measure(database, folder / f"keys{number}", given.seconds))
    print(json.dumps(results, indent=2))
    return 0 if all(result["holds"] for result in results) else 1


def measure(database: str, folder: Path, seconds: float) -> dict[str, Any]:
    """One run on one database: at full speed, through a kill, and what is there afterwards."""
    keys = key_folder(folder)
    acknowledged: set[str] = set()
    rates = []
    declared = plan(quality(), labels=LabelPlan(3_600.0))
    for end in ("kill", "stay"):
        with running(database, keys, DOHYO_SCORE_SECONDS="5") as service:
            service.declare(declared)
            rate, names = at_full_speed(service, seconds, kill=end == "kill")
            rates.append(rate)
            acknowledged |= names
    found = stored(database)
    holds = (
        max(rates) >= LIMIT_ROWS_PER_SECOND
        and len(found) == len(set(found))
        and acknowledged <= set(found)
    )
    return {
        "database": database.partition(":")[0],
        "rows_per_second": round(max(rates)),
        "ratio_to_limit": round(max(rates) / LIMIT_ROWS_PER_SECOND, 2),
        "acknowledged": len(acknowledged),
        "stored": len(found),
        "lost": len(acknowledged - set(found)),
        "twice": len(found) - len(set(found)),
        "holds": holds,
    }


def at_full_speed(service: Service, seconds: float, *, kill: bool) -> tuple[float, set[str]]:
    """Rows acknowledged per second, and the nonces of them; `kill` ends the service at the end."""
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    start: Any = context.Event()
    place = (service.port, str(service.keys), service.name)
    senders = [
        context.Process(target=_send, args=(place, seconds, start, answers)) for _ in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    for _ in senders:
        answers.get()
    start.set()
    if kill:
        time.sleep(seconds * 0.9)
        service.kill()
    told = [answers.get() for _ in senders]
    for sender in senders:
        sender.join()
    names = {name for found, _ in told for name in found}
    return sum(len(found) / took for found, took in told), names


def _send(place: tuple[int, str, str], seconds: float, start: Any, answers: Any) -> None:
    """Signs batches beforehand, then sends them one after another until the time is up."""
    service = Service(None, place[0], Path(place[1]), place[2])  # type: ignore[arg-type]
    batches = []
    for number in range(PREPARED_BATCHES):
        made = [service.prediction(f"{number:04d}{i:03d}") for i in range(BATCH)]
        rows = [{"prediction_id": service.signed(p), "label": 1} for p in made]
        batches.append(([p.nonce.hex() for p in made], json.dumps({"rows": rows}).encode()))
    answers.put(None)
    start.wait()
    began = time.perf_counter()
    names: list[str] = []
    for nonces, body in batches:
        if time.perf_counter() - began > seconds:
            break
        try:
            status, said = service.ask("POST", "/v1/feedback", body)
        except OSError:
            break
        if status == 200 and said["accepted"] == len(nonces):
            names += nonces
    answers.put((names, time.perf_counter() - began))


if __name__ == "__main__":
    sys.exit(main())
