"""A trained model becomes a folder: the serving form, and beside it what retraining needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.contract import REJECT, contract_to_json
from dohyo_form.form import CLASSIFICATION, FOLDER, REGRESSION, Golden, Parts, write_form
from dohyo_form.intake import Intake
from dohyo_form.profile import number_bins, profile_of_parts
from dohyo_training.export import row_features  # noqa: F401 - registers the row features
from dohyo_training.export.columns import ExportError
from dohyo_training.export.estimators import export_estimator
from dohyo_training.export.gate import (
    ANSWER_FILE,
    CALIBRATION_FILE,
    MUTATED_ROWS,
    PIPELINE_FILE,
    ROWS_OF_GATE,
    TRAINING_FOLDER,
    pipeline_outputs,
    prove,
)
from dohyo_training.export.latency import row_microseconds
from dohyo_training.export.parity import Parity, mutated
from dohyo_training.export.persistence import save_pipeline
from dohyo_training.export.records import contract_of, frame_of, records_of
from dohyo_training.export.serving_form import GOLDEN_ROWS, columns_of, program_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_form.contract import Contract
    from dohyo_form.intake import Row
    from dohyo_form.profile import Profile
    from dohyo_training.build.model import Model
    from dohyo_training.export.estimators import Exported as ExportedModel
    from dohyo_training.features import RequestField

LATENCY_ROWS: Final = 1_000
# Bins of the profile are no finer with more rows, and counting them takes as long as predicting.
PROFILE_ROWS: Final = 100_000
ROWS_AT_ONCE: Final = 4_096
_LIBRARIES: Final = ("numpy", "pandas", "scikit-learn", "skops", "xgboost-cpu")


@dataclass(frozen=True)
class Material:
    """What the export works on.

    Attributes:
        model: the fitted one.
        fields: of a request, in the order of the features.
        rows: development rows, the features alone.
        tolerance: greatest difference, for outputs of size 1.
        seed: of the mutated rows.
        profile: more keys of `profile.json`.
        unknown_fields: what a request gets that holds more: reject or ignore.
    """

    model: Model
    fields: Sequence[RequestField]
    rows: pd.DataFrame
    tolerance: float
    seed: int
    profile: Mapping[str, Any] = field(default_factory=dict)
    unknown_fields: str = REJECT

    @property
    def contract(self) -> Contract:
        return contract_of(self.fields, self.unknown_fields)


@dataclass(frozen=True)
class Exported:
    """What came of it.

    Attributes:
        backend: of the serving form; `pipeline` where it was refused.
        parity: what the gate found; None where there is no form.
        refusal: why there is no form; '' where there is one.
        row_microseconds: median time from a record to its answer; None without a form.
        bytes: of all files.
    """

    backend: str
    parity: Parity | None
    refusal: str
    row_microseconds: float | None
    bytes: int

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self), parity=self.parity.to_json() if self.parity else None)


def export_model(material: Material, folder: Path) -> Exported:
    """Writes a model's folder; the form only if a fresh process proves it equal."""
    training = folder / TRAINING_FOLDER
    training.mkdir(parents=True)
    save_pipeline(material.model.pipeline, training / PIPELINE_FILE)
    calibration = json.dumps(material.model.calibrator.as_json(), sort_keys=True)
    (training / CALIBRATION_FILE).write_text(calibration + "\n", "utf-8")
    try:
        parts = form_parts(material)
        write_form(folder / FOLDER, parts)
        parity = prove(folder, rows_of_gate(material, parts.contract))
    except ExportError as refusal:
        _remove(folder / FOLDER)
        _write_answer(material, training / ANSWER_FILE)
        return Exported("pipeline", None, str(refusal), None, _bytes(folder))
    microseconds = row_microseconds(folder / FOLDER, _some(material, parts.contract))
    described = {**parts.description, "parity": parity.to_json()}
    write_form(folder / FOLDER, Parts(**{**vars(parts), "description": described}))
    return Exported(str(parts.description["backend"]), parity, "", microseconds, _bytes(folder))


def _write_answer(material: Material, file: Path) -> None:
    """Says what a served pipeline needs beside itself."""
    model = material.model
    answer = {
        "contract": contract_to_json(material.contract),
        "classes": [_plain(name) for name in model.classes],
        "threshold": model.threshold,
    }
    file.write_text(json.dumps(answer, sort_keys=True) + "\n", "utf-8")


def form_parts(material: Material) -> Parts:
    """Everything of the serving form.

    Raises:
        ExportError: the pipeline holds what the form cannot say.
    """
    model, contract = material.model, material.contract
    exported = export_estimator(model.pipeline[-1])
    program = program_of(columns_of(model.pipeline, contract))
    seen = _spread(material.rows, PROFILE_ROWS)
    profile, outputs = _answers(model, seen, contract)
    step = max(1, len(seen) // GOLDEN_ROWS)
    golden = slice(0, step * GOLDEN_ROWS, step)
    scale = 1.0 if model.classes else max(1.0, float(np.abs(outputs).max()))
    return Parts(
        _description(model, exported, material.tolerance * scale),
        contract,
        program,
        exported.content,
        Golden(records_of(seen.iloc[golden], contract), outputs[golden].tolist()),
        profile,
        material.profile,
    )


def _description(model: Model, exported: ExportedModel, tolerance: float) -> dict[str, Any]:
    described: dict[str, Any] = {
        "task": CLASSIFICATION if model.classes else REGRESSION,
        "classes": [_plain(name) for name in model.classes],
        "backend": exported.backend,
        "link": exported.link,
        "dtype": exported.dtype,
        "tolerance": tolerance,
        "calibration": model.calibrator.as_json(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    if model.threshold is not None:
        described["threshold"] = model.threshold
    return described


def _answers(
    model: Model, frame: pd.DataFrame, contract: Contract
) -> tuple[Profile, NDArray[np.float64]]:
    """The profile of rows, and the outputs for them; as records they are there part by part."""
    intake = Intake(contract)
    outputs: list[NDArray[np.float64]] = []

    def parts() -> Iterator[Sequence[Row]]:
        for start in range(0, len(frame), ROWS_AT_ONCE):
            some = frame.iloc[start : start + ROWS_AT_ONCE]
            rows = intake.records(records_of(some, contract))
            asked = frame_of(rows, contract)
            outputs.append(pipeline_outputs(model.pipeline, model.calibrator, asked))
            yield rows

    profile = profile_of_parts(parts(), contract)
    together = np.concatenate(outputs)
    return replace(profile, prediction=number_bins(together[:, -1])), together


def rows_of_gate(material: Material, contract: Contract) -> list[dict[str, Any]]:
    """Training rows and rows that were changed to break the form."""
    records = records_of(_spread(material.rows, ROWS_OF_GATE), contract)
    odd: list[dict[str, Any]] = []
    for turn in range(5):
        wanted = MUTATED_ROWS - len(odd)
        if wanted > 0:
            odd += list(mutated(records, contract, material.seed + turn))[:wanted]
    return [*records, *odd]


def _some(material: Material, contract: Contract) -> list[dict[str, Any]]:
    return records_of(_spread(material.rows, LATENCY_ROWS), contract)


def latency_of(material: Material) -> float | None:
    """The time of one row of a model that is not exported; None without a serving form."""
    few = replace(material, rows=_spread(material.rows, LATENCY_ROWS))
    with TemporaryDirectory() as place:
        folder = Path(place) / FOLDER
        try:
            write_form(folder, form_parts(few))
        except ExportError:
            return None
        return row_microseconds(folder, _some(few, few.contract))


def _spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows, evenly over all of them."""
    if len(rows) <= most:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, most).astype(int)]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
