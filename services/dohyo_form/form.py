"""A serving form on disk and in memory: written whole, loaded whole, and checked by its rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.contract import Contract, contract_from_json, contract_to_json
from dohyo_form.errors import FormError, RefusedError
from dohyo_form.intake import Intake
from dohyo_form.models import Model, load_model
from dohyo_form.profile import Profile, profile_from_json, profile_to_json
from dohyo_form.program import RowProgram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dohyo_form.intake import Row

FORM_FORMAT: Final = 1
# The folder of a form inside a BentoML model.
FOLDER: Final = "serving-form"
# The label of a bento whose service does nothing but load the form of its one model.
ANSWERS_BY, FORM = "dohyo.dev/answers-by", "form"
FORM_FILE: Final = "form.json"
CONTRACT_FILE: Final = "contract.json"
PROGRAM_FILE: Final = "row.json"
GOLDEN_FILE: Final = "golden.json"
PROFILE_FILE: Final = "profile.json"
CLASSIFICATION, REGRESSION = "classification", "regression"


@dataclass(frozen=True)
class Golden:
    """Rows with the answers of the model that was trained.

    Attributes:
        records: as a client would send them.
        outputs: probabilities or values, one list for each record.
    """

    records: Sequence[Mapping[str, Any]]
    outputs: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Parts:
    """All that is written.

    Attributes:
        description: of `form.json`: task, classes, backend, link, dtype, tolerance, and what
            the exporter wants to tell (parity, libraries).
        contract, program, golden, profile: their files; the program as its document.
        model: the content of the backend's file.
    """

    description: Mapping[str, Any]
    contract: Contract
    program: Mapping[str, Any]
    model: bytes
    golden: Golden
    profile: Profile | None = None
    extra_profile: Mapping[str, Any] = field(default_factory=dict)


class Form:
    """A loaded serving form."""

    def __init__(self, folder: Path) -> None:
        """Reads every file of the folder and loads the model.

        Raises:
            FormError: names the file and what is wrong with it.
        """
        description = _read(folder / FORM_FILE)
        known = description.get("format")
        if known != FORM_FORMAT:
            raise FormError(f"form.json: format {known!r} is unknown; this reads {FORM_FORMAT}")
        self.description: Mapping[str, Any] = description
        self.task = str(description.get("task", CLASSIFICATION))
        self.classes: list[Any] = list(description.get("classes", ()))
        self.threshold: float | None = description.get("threshold")
        self.tolerance = float(description.get("tolerance", 1e-6))
        self.contract = contract_from_json(_read(folder / CONTRACT_FILE))
        self.intake = Intake(self.contract)
        self.program = RowProgram(_read(folder / PROGRAM_FILE), self.contract)
        self.model: Model = load_model(folder, description)
        golden = _read(folder / GOLDEN_FILE)
        self.golden = Golden(golden.get("records", ()), golden.get("outputs", ()))
        self.profile, self.profile_digest = _profile(folder)

    def encode(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """The model's input for rows that the intake gave, [n_rows, width]."""
        return self.program.rows(rows)

    def predict(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Probabilities of the classes, or values, [n_rows, n_outputs]."""
        return self.model.predict(self.program.rows(rows))

    def labels(self, outputs: NDArray[np.float64]) -> list[Any]:
        """The class of each row of probabilities."""
        return [self.classes[place] for place in self.places(outputs).tolist()]

    def places(self, outputs: NDArray[np.float64]) -> NDArray[np.int64]:
        """The same as places in `classes`."""
        if self.threshold is not None and len(self.classes) == 2:
            return (outputs[:, 1] >= self.threshold).astype(np.int64)
        return np.asarray(outputs.argmax(axis=1), dtype=np.int64)

    def replay(self) -> list[str]:
        """What of the golden rows is answered otherwise than when the model was trained."""
        try:
            rows = self.intake.records(list(self.golden.records), "golden")
        except RefusedError as refused:
            return [f"{each.place}: {each.message}" for each in refused.findings]
        if not rows:
            return ["golden.json holds no rows"]
        outputs = self.predict(rows)
        expected = np.array(self.golden.outputs, dtype=np.float64)
        if outputs.shape != expected.shape:
            return [f"outputs have shape {outputs.shape}, golden.json has {expected.shape}"]
        apart = np.abs(outputs - expected)
        worst = apart.max(axis=1)
        return [
            f"row {place}: {outputs[place].tolist()} instead of {expected[place].tolist()}, "
            f"{worst[place]:.3g} apart, {self.tolerance:.3g} allowed"
            for place in np.flatnonzero(~(worst <= self.tolerance)).tolist()
        ]


def write_form(folder: Path, parts: Parts) -> None:
    """Writes all files of a form into a folder of its own."""
    from dohyo_form.models import FILE_OF  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / FORM_FILE, {"format": FORM_FORMAT, **parts.description})
    _write(folder / CONTRACT_FILE, contract_to_json(parts.contract))
    _write(folder / PROGRAM_FILE, parts.program)
    golden = {"records": list(parts.golden.records), "outputs": list(parts.golden.outputs)}
    _write(folder / GOLDEN_FILE, golden)
    if parts.profile is not None:
        document = {**profile_to_json(parts.profile), **parts.extra_profile}
        _write(folder / PROFILE_FILE, document)
    (folder / FILE_OF[parts.description["backend"]]).write_bytes(parts.model)


def _profile(folder: Path) -> tuple[Profile | None, str]:
    file = folder / PROFILE_FILE
    if not file.exists():
        return None, ""
    return profile_from_json(_read(file)), hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise FormError(
            f"{file.parent.name}/{file.name} is missing; export the form anew"
        ) from error
    except (OSError, ValueError) as error:
        raise FormError(f"{file.name} cannot be read: {error}; export the form anew") from error
    if not isinstance(document, dict):
        raise FormError(f"{file.name}: an object is expected; export the form anew")
    return document


def _write(file: Path, document: Mapping[str, Any]) -> None:
    # Sorted, so that the same model gives the same bytes.
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", "utf-8")
