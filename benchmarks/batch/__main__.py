"""Rows per second of CPU and peak memory of `dohyo-batch`, beside what one would do without it.

python -m benchmarks.batch [--rows 2000000] [--online 2000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dohyo.contract.documents import to_json
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model
from tests.local.batch.scoring import environment, order, tumours

PART_ROWS: Final = 250_000
# Of the best other way: rows per second of CPU at least, memory at most; and of two shards to one.
LEAST_SPEED, MOST_MEMORY, LEAST_SCALING = 1.0, 0.25, 1.7


@dataclass(frozen=True)
class Measured:
    """One way of scoring all rows.

    Attributes:
        name: for the table.
        rows: scored.
        seconds: by the wall.
        cpu: seconds of CPU of all its processes.
        peak: bytes that the largest process held.
    """

    name: str
    rows: int
    seconds: float
    cpu: float
    peak: int

    @property
    def speed(self) -> float:
        return self.rows / self.cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--online", type=int, default=2_000, help="rows asked one by one")
    parsed = parser.parse_args()
    samples.ensure()
    with tempfile.TemporaryDirectory(prefix="batch-") as folder:
        return _measured(Path(folder), parsed.rows, parsed.online)


def _measured(home: Path, rows: int, online: int) -> int:
    source = home / "rows.parquet"
    _write(source, rows)
    small = home / "small.parquet"
    _write(small, PART_ROWS // 10)
    pickled = model.MODEL_FOLDER / "logistic" / "saved_model.pkl"
    found = []
    for way in ("pandas", "dask"):
        words = [sys.executable, "-m", "benchmarks.batch.peers", way]
        target = home / way
        found.append(_watched(way, rows, [*words, str(source), str(target), str(pickled)]))
    started = _ours("dohyo-batch, start alone", small, home / "small", PART_ROWS // 10)
    one = _ours("dohyo-batch, 1 shard", source, home / "one", rows)
    two = _two_shards(source, home / "two", rows)
    asked = _online(online)
    _print([*found, started, one, two, asked])
    best = max(found, key=lambda each: each.speed)
    least = min(found, key=lambda each: each.peak)
    ratios = {
        "speed": (one.speed / best.speed, LEAST_SPEED, True),
        "memory": (one.peak / least.peak, MOST_MEMORY, False),
        "scaling": (one.seconds / two.seconds, LEAST_SCALING, True),
    }
    kept = True
    for name, (value, limit, at_least) in ratios.items():
        held = value >= limit if at_least else value <= limit
        kept &= held
        print(f"{name}: {value:.2f}, limit {limit} ({'kept' if held else 'missed'})")
    return 0 if kept else 1


def _write(path: Path, rows: int) -> None:
    """Part by part: the measuring program itself must stay small."""
    script = (
        "import sys, pyarrow as pa, pyarrow.parquet as pq\n"
        "from tests.local.batch.scoring import tumours\n"
        "path, rows, part = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
        "writer = None\n"
        "for start in range(0, rows, part):\n"
        "    frame = tumours(min(part, rows - start), seed=start)\n"
        "    table = pa.Table.from_pandas(frame, preserve_index=False)\n"
        "    writer = writer or pq.ParquetWriter(path, table.schema)\n"
        "    writer.write_table(table)\n"
        "writer.close()\n"
    )
    command = [sys.executable, "-c", script, str(path), str(rows), str(PART_ROWS)]
    subprocess.run(command, check=True, env=_environ())


def _environ() -> dict[str, str]:
    return {**environment(), "PYTHONPATH": os.pathsep.join(sys.path)}


def _watched(name: str, rows: int, *commands: list[str]) -> Measured:
    """Programs side by side; each says at its end how much it held."""
    began = time.monotonic()
    running = [subprocess.Popen(c, env=_environ(), stdout=subprocess.PIPE) for c in commands]
    cpu, peak = 0.0, 0
    for process in running:
        assert process.stdout is not None
        told = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name} ended with {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
        # What wait4 tells of memory is at least that of this program, which started it.
        peak = max(peak, int(json.loads(told[-1])["peakMemoryBytes"]))
    return Measured(name, rows, time.monotonic() - began, cpu, peak)


def _order(source: Path, target: Path, shards: int) -> Path:
    file = target.with_suffix(".json")
    given = order(source.as_uri(), target.as_uri(), shards=shards)
    file.write_text(json.dumps(to_json(given)))
    return file


def _score(file: Path, shard: int) -> list[str]:
    program = [sys.executable, "-m", "dohyo_batch.main", "score"]
    return [*program, "--order", str(file), "--index", str(shard)]


def _ours(name: str, source: Path, target: Path, rows: int) -> Measured:
    return _watched(name, rows, _score(_order(source, target, 1), 0))


def _two_shards(source: Path, target: Path, rows: int) -> Measured:
    file = _order(source, target, 2)
    return _watched("dohyo-batch, 2 shards", rows, _score(file, 0), _score(file, 1))


def _online(rows: int) -> Measured:
    """One row in each request, on one connection that stays open."""
    import psutil  # noqa: PLC0415 - of this way alone

    records = tumours(min(rows, 500)).iloc[:, :30].to_dict("records")
    bodies = [json.dumps({"records": [each]}) for each in records]
    with bentos.served(model.LOGISTIC, "--grpc-port", "off", home=BENTOML_HOME) as served:
        server = psutil.Process(served.process.pid)
        before, own = _cpu(server), time.process_time()
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        began = time.monotonic()
        for number in range(rows):
            headers: dict[str, Any] = {"Content-Type": "application/json"}
            connection.request("POST", "/predict", bodies[number % len(bodies)], headers)
            connection.getresponse().read()
        seconds = time.monotonic() - began
        cpu = _cpu(server) - before + time.process_time() - own
        peak = server.memory_info().rss
        connection.close()
    return Measured("online, row by row", rows, seconds, cpu, peak)


def _cpu(process: Any) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _print(found: list[Measured]) -> None:
    print("| way | rows | seconds | CPU seconds | rows per CPU second | peak memory |")
    print("|---|---|---|---|---|---|")
    for each in found:
        print(
            f"| {each.name} | {each.rows:,} | {each.seconds:.1f} | {each.cpu:.1f} | "
            f"{each.speed:,.0f} | {each.peak / 1e6:.0f} MB |"
        )


if __name__ == "__main__":
    sys.exit(main())
