"""A fitted pipeline becomes a folder with its serving form, or is refused where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from dohyo_form.form import CLASSIFICATION, REGRESSION, Form, Golden, Parts, write_form
from dohyo_form.intake import Intake
from dohyo_form.profile import profile_of
from dohyo_form.program import NO_COLUMN
from dohyo_training.export.columns import ExportError, Hot, Raw, as_number, translate
from dohyo_training.export.estimators import export_estimator
from dohyo_training.export.parity import Parity, compare, mutated, outputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dohyo_form.contract import Contract
    from dohyo_training.export.columns import Column
    from dohyo_training.export.parity import Record

GOLDEN_ROWS = 32
# Two ways to add the same numbers differ by less; a moved row differs by more.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
_LIBRARIES = ("numpy", "scikit-learn")


@dataclass(frozen=True)
class Training:
    """What the export must know beside the pipeline.

    Attributes:
        contract: the request, its fields in the order of the pipeline's columns.
        records: training rows as a client would send them; the profile's and the gate's input.
        seed: of the mutated rows.
    """

    contract: Contract
    records: Sequence[Record]
    seed: int


def export_form(pipeline: Any, training: Training, folder: Path) -> Parity:
    """Writes the form and proves it equal to the pipeline.

    Returns what the comparison found.

    Raises:
        ExportError: the pipeline holds what the form cannot say, or both answer differently.
    """
    contract = training.contract
    exported = export_estimator(_estimator(pipeline))
    columns = columns_of(pipeline, contract)
    rows = Intake(contract).records(training.records)
    outputs = outputs_of(pipeline, rows, contract)
    classifier = is_classifier(pipeline)
    step = max(1, len(training.records) // GOLDEN_ROWS)
    golden = slice(0, step * GOLDEN_ROWS, step)
    description: dict[str, Any] = {
        "task": CLASSIFICATION if classifier else REGRESSION,
        "classes": [_plain(each) for each in pipeline.classes_] if classifier else [],
        "backend": exported.backend,
        "link": exported.link,
        "dtype": exported.dtype,
        "tolerance": TOLERANCE[exported.dtype],
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    parts = Parts(
        description,
        contract,
        program_of(columns),
        exported.content,
        Golden(list(training.records[golden]), outputs[golden].tolist()),
        profile_of(rows, contract, outputs[:, -1]),
    )
    write_form(folder, parts)
    parity = _proven(folder, pipeline, training)
    write_form(
        folder, Parts(**{**vars(parts), "description": description | {"parity": parity.to_json()}})
    )
    return parity


def columns_of(pipeline: Any, contract: Contract) -> list[Column]:
    """What the model's input columns are made of."""
    named = getattr(pipeline, "feature_names_in_", None)
    names = contract.names if named is None else tuple(map(str, named))
    strange = sorted(set(names) - set(contract.names))
    if strange:
        raise ExportError(
            f"the pipeline reads {', '.join(strange)}, the contract has no such field"
        )
    columns: list[Column] = [Raw(name) for name in names]
    if isinstance(pipeline, Pipeline):
        for _name, step in pipeline.steps[:-1]:
            if step is not None and step != "passthrough":
                columns = translate(step, columns)
    return columns


def program_of(columns: Sequence[Column]) -> dict[str, Any]:
    """The document of `row.json`; columns of one encoder's block become one step."""
    steps: list[dict[str, Any]] = []
    blocks: dict[int, dict[str, Any]] = {}
    for at, column in enumerate(columns):
        if not isinstance(column, Hot):
            steps.append({**as_number(column).step, "at": at})
            continue
        block = blocks.get(column.block)
        if block is None:
            dropped = [[value, NO_COLUMN] for value in column.dropped]
            block = blocks[column.block] = {"op": "one-hot", "field": column.name, "at": dropped}
            steps.append(block)
        block["at"] += [[value, at] for value in column.values]
        block |= {"other": at} if column.other else {}
        block |= {"missing": at} if column.missing else {}
    for block in blocks.values():
        _reject_overlap(block)
    return {"format": 1, "width": len(columns), "steps": steps}


def _reject_overlap(block: dict[str, Any]) -> None:
    values = [(type(value), value) for value, _ in block["at"]]
    if len(values) != len(set(values)):
        raise ExportError(f"{block['field']}: a value is encoded into several columns")


def _proven(folder: Path, pipeline: Any, training: Training) -> Parity:
    form = Form(folder)
    odd = list(mutated(training.records[:1000], training.contract, training.seed))
    parity = compare(form, pipeline, [*training.records[:10_000], *odd])
    if parity.largest > form.tolerance or parity.flips:
        raise ExportError(
            f"the serving form differs from the pipeline by {parity.largest:.3g} on "
            f"{parity.rows} rows with {parity.flips} other labels; {form.tolerance:.3g} is allowed"
        )
    return parity


def _estimator(pipeline: Any) -> Any:
    return pipeline.steps[-1][1] if isinstance(pipeline, Pipeline) else pipeline


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
