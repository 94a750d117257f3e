"""`python -m benchmarks.training.default_run`: what a run with no setting of its own costs.

Wall time depends on what else the machine does, so processor time stands beside it; a limit on
two cores of 60 s is one of 120 processor seconds.

Memory is sampled from outside, resident sizes ten times a second. The table is what pandas says of
the run's own table with all texts (`memory_usage(deep=True)`), and what is held against it is what
the run's process takes above the same process with the libraries imported and nothing read.
Workers, which hold the libraries as well, and the whole tree stand beside it; pages that the tree
shares are counted once, and only once a second, for counting takes of the run's own time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

CORES = 2
ROW_LIMIT_US = 50.0
TABLES = 10.0
# A table of fifty kilobytes says nothing about what a row costs.
LEAST_TABLE_BYTES = 2**22


# What, how much, its limit, and whether that was kept.
Row = tuple[str, str, str, bool]


@dataclass(frozen=True)
class Case:
    """One run and the wall time it may take on two idle cores."""

    name: str
    config: dict[str, Any]
    limit_seconds: float
    prepared: Callable[[Path], None] = lambda _: None


def wide(folder: Path) -> None:
    """2,000 rows of 1,000 columns, three of which tell something."""
    chance = np.random.default_rng(1)
    frame = pd.DataFrame(chance.normal(size=(2_000, 980)).round(4)).rename(columns="c{}".format)
    for number in range(20):
        frame[f"k{number}"] = chance.choice(["a", "b", "c", "d"], len(frame))
    score = frame["c7"] + frame["c70"] / 2 + (frame["k3"] == "a") + chance.normal(size=len(frame))
    frame.assign(late=(score > 0).astype(int)).to_csv(folder / "wide.csv", index=False)


CASES = (
    Case(
        "breast cancer",
        {
            "task": {"target": "target"},
            "data": {"sources": [{"name": "s", "kind": "sklearn", "dataset": "breast_cancer"}]},
            "output": {"name": "breast-cancer"},
        },
        60,
    ),
    Case(
        "simulator, 50,000 rows",
        {
            "task": {
                "target": "satisfied",
                "event_date": "survey_date",
                "key": ["survey_id"],
                "group": "customer_id",
            },
            "data": {"sources": [{"name": "s", "kind": "simulator", "rows": 50_000}]},
            "columns": {
                "score": {"use": "forbidden", "reason": "the same answer in other words"},
                "call_propensity": {"use": "forbidden", "reason": "of the experiment"},
            },
            "output": {"name": "satisfaction"},
        },
        360,
    ),
    Case(
        "1,000 columns",
        {
            "task": {"target": "late"},
            "data": {"sources": [{"name": "s", "kind": "csv", "path": "wide.csv"}]},
            "output": {"name": "wide"},
        },
        360,
        wide,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a word of the case's name")
    chosen = parser.parse_args()
    missed = False
    for case in CASES:
        if chosen.only and chosen.only not in case.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            missed |= measure(case, Path(folder))
    sys.exit(1 if missed else 0)


def measure(case: Case, folder: Path) -> bool:
    """Runs a case and prints a table; whether a limit was missed."""
    case.prepared(folder)
    file = folder / "training.yaml"
    file.write_text(yaml.safe_dump(case.config))
    environment = os.environ | {
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    program = str(Path(sys.executable).with_name("dohyo-train"))
    libraries = imported_bytes(environment)
    began = time.monotonic()
    memory = watched([program, str(file), "--quiet"], environment)
    wall = time.monotonic() - began
    (found,) = folder.glob("build/training/*/run.json")
    record = json.loads(found.read_text())
    cost, export = record["cost"], record["export"]
    limit = case.limit_seconds * CORES
    print(f"\n{case.name}: {record['leaderboard']['sentence']}")
    rows: list[Row] = [
        (
            "wall time",
            f"{wall:.0f} s",
            f"{case.limit_seconds:.0f} s idle",
            wall <= case.limit_seconds,
        ),
        (
            "processor time",
            f"{cost['cpu_seconds']:.0f} s",
            f"{limit:.0f} s",
            cost["cpu_seconds"] <= limit,
        ),
        *rows_of_memory(memory, libraries, record["data"]["table_bytes"]),
    ]
    if export["row_microseconds"] is not None:
        time_of_row = export["row_microseconds"]
        within = time_of_row <= ROW_LIMIT_US
        rows.append(
            ("one row, served form", f"{time_of_row:.1f} us", f"{ROW_LIMIT_US:.0f} us", within)
        )
    rows += [
        (f"one row, {entry['name']}", f"{entry['row_microseconds']:.1f} us", "", True)
        for entry in record["leaderboard"]["entries"]
        if entry["row_microseconds"] is not None
    ]
    for name, value, bound, held in rows:
        print(f"  {name:24} {value:>12}  {bound:>12}  {'' if held else 'missed'}")
    # Wall time is not judged: it measures the neighbours as well.
    return not all(held for name, _, _, held in rows if name != "wall time")


@dataclass
class Memory:
    """The greatest resident sizes that were seen, in bytes."""

    run: int = 0
    worker: int = 0
    tree: int = 0


def imported_bytes(environment: dict[str, str]) -> int:
    """The resident size of a process that has imported all of a run and read nothing."""
    # The last three are imported by those stages alone that use them.
    program = (
        "import psutil, dohyo_training.run, dohyo_training.report.render, skops.io, skrub;"
        "print(psutil.Process().memory_info().rss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def watched(command: list[str], environment: dict[str, str]) -> Memory:
    """Runs a command to its end, and looks at it and its workers ten times a second."""
    found = Memory()
    with subprocess.Popen(command, env=environment) as run:
        itself = psutil.Process(run.pid)
        while run.poll() is None:
            for turn in range(10):
                with suppress(psutil.Error):
                    look(itself, found, pages=turn == 0)
                time.sleep(0.1)
    if run.returncode:
        sys.exit(f"{' '.join(command)} ended with {run.returncode}")
    return found


def look(itself: psutil.Process, found: Memory, *, pages: bool) -> None:
    """Keeps the greatest sizes; `pages` of the whole tree as well, which is slow."""
    found.run = max(found.run, itself.memory_info().rss)
    tree = itself.memory_full_info().pss if pages else 0
    for worker in itself.children(recursive=True):
        with suppress(psutil.Error):
            found.worker = max(found.worker, worker.memory_info().rss)
            tree += worker.memory_full_info().pss if pages else 0
    found.tree = max(found.tree, tree)


def rows_of_memory(memory: Memory, libraries: int, table: int) -> list[Row]:
    above = memory.run - libraries
    judged = table >= LEAST_TABLE_BYTES
    times, limit = (f"{above / table:.1f} tables", f"{TABLES:.0f} tables") if judged else ("", "")
    return [
        ("table", mebibytes(table), "", True),
        ("libraries alone", mebibytes(libraries), "", True),
        ("largest, the run itself", mebibytes(memory.run), "", True),
        ("  above the libraries", mebibytes(above), "", True),
        ("  in tables", times, limit, not judged or above <= TABLES * table),
        ("largest worker", mebibytes(memory.worker), "", True),
        ("run and workers together", mebibytes(memory.tree), "", True),
    ]


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
