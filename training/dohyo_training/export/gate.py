"""The parity gate: the served form against the pipeline it came from, in a process of its own.

A fresh process has nothing but the files: what they cannot say, it cannot know.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_form.form import FOLDER, Form
from dohyo_training.build.calibration import Calibrator
from dohyo_training.export.columns import ExportError
from dohyo_training.export.parity import Parity
from dohyo_training.export.persistence import load_pipeline
from dohyo_training.export.records import frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRAINING_FOLDER = "training"
PIPELINE_FILE = "pipeline.skops"
CALIBRATION_FILE = "calibration.json"
# What the pipeline cannot say itself, where it answers without a serving form.
ANSWER_FILE = "answer.json"
ROWS_OF_GATE = 10_000
MUTATED_ROWS = 1_000
# Asked one by one as well: the row program has two ways, and both must agree.
SINGLE_ROWS = 100


def prove(folder: Path, records: Sequence[dict[str, Any]]) -> Parity:
    """Runs the gate in a fresh process over a model's folder.

    Raises:
        ExportError: the form answers otherwise than the pipeline, or does not load.
    """
    asked = folder / ".gate.json"
    with asked.open("w", encoding="utf-8") as file:
        json.dump(records, file)
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(folder), str(asked)],
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        asked.unlink()
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"the serving form does not run in a fresh process: {last}")
    found = json.loads(done.stdout)
    parity = Parity(found["rows"], found["largestDifference"], found["flips"])
    tolerance = float(found["tolerance"])
    if not parity.largest <= tolerance or parity.flips or found["golden"]:
        raise ExportError(
            f"the serving form differs from the pipeline by {parity.largest:.3g} on "
            f"{parity.rows} rows with {parity.flips} other decisions; {tolerance:.3g} is allowed"
            + "".join(f"; golden {each}" for each in found["golden"][:1])
        )
    return parity


def measure(folder: Path, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Asks the form and the pipeline the same, and says how far they are apart."""
    form = Form(folder / FOLDER)
    pipeline = load_pipeline(folder / TRAINING_FOLDER / PIPELINE_FILE)
    calibrator = Calibrator(
        **json.loads((folder / TRAINING_FOLDER / CALIBRATION_FILE).read_text("utf-8"))
    )
    rows = form.intake.records(records)
    expected = pipeline_outputs(pipeline, calibrator, frame_of(rows, form.contract))
    batch = form.predict(rows)
    single = np.concatenate([form.predict([row]) for row in rows[:SINGLE_ROWS]])
    largest = max(_apart(batch, expected), _apart(single, expected[:SINGLE_ROWS]))
    return {
        "rows": len(rows),
        "largestDifference": largest,
        "flips": _flips(form, batch, expected),
        "tolerance": form.tolerance,
        "golden": form.replay(),
    }


def pipeline_outputs(pipeline: Any, calibrator: Calibrator, frame: Any) -> NDArray[np.float64]:
    """What scikit-learn answers, [n_rows, n_outputs]."""
    if hasattr(pipeline, "predict_proba"):
        return calibrator.apply(np.asarray(pipeline.predict_proba(frame), dtype=np.float64))
    return np.asarray(pipeline.predict(frame), dtype=np.float64).reshape(len(frame), -1)


def _flips(form: Form, got: NDArray[np.float64], expected: NDArray[np.float64]) -> int:
    """Rows that are decided otherwise, though they are not within the tolerance of the border."""
    if not form.classes:
        return 0
    differ = np.array(form.labels(got), dtype=object) != np.array(
        form.labels(expected), dtype=object
    )
    if form.threshold is not None and len(form.classes) == 2:
        margin = np.abs(expected[:, 1] - form.threshold)
    else:
        ordered = np.sort(expected, axis=1)
        margin = (ordered[:, -1] - ordered[:, -2]) / 2
    return int((differ & (margin > form.tolerance)).sum())


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if one.shape != other.shape:
        return float("inf")
    return float(np.max(np.nan_to_num(np.abs(one - other), nan=np.inf), initial=0.0))


def main() -> None:
    """`python -m dohyo_training.export.gate FOLDER RECORDS`: the measurement as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("records", type=Path)
    chosen = parser.parse_args()
    found = measure(chosen.folder, json.loads(chosen.records.read_text("utf-8")))
    # JSON knows no infinity.
    found["largestDifference"] = min(found["largestDifference"], sys.float_info.max)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
