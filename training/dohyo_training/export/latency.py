"""The time of one row, in a process that holds the served form and nothing of training.

A large forest takes a hundred mebibytes as a session: that is the server's matter, and must not
come on top of what the run holds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dohyo_form.form import Form

if TYPE_CHECKING:
    from collections.abc import Sequence


def row_microseconds(form_folder: Path, records: Sequence[dict[str, Any]]) -> float:
    """The median time from a record to its outputs, one by one, in a process of its own."""
    with TemporaryDirectory() as place:
        asked = Path(place) / "records.json"
        with asked.open("w", encoding="utf-8") as file:
            json.dump(records, file)
        command = [sys.executable, "-m", __name__, str(form_folder), str(asked)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure(form_folder: Path, records: Sequence[dict[str, Any]]) -> float:
    """The same in this process."""
    form = Form(form_folder)
    read, predict = form.intake.record, form.predict
    times = []
    for record in records:
        began = time.perf_counter_ns()
        predict([read(record)])
        times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 1_000


def main() -> None:
    """`python -m dohyo_training.export.latency FORM RECORDS`: microseconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("form", type=Path)
    parser.add_argument("records", type=Path)
    chosen = parser.parse_args()
    print(measure(chosen.form, json.loads(chosen.records.read_text("utf-8"))))


if __name__ == "__main__":
    main()
