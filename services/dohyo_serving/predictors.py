"""A model as the runtime asks it: by its serving form, or by the pipeline itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dohyo_form.columns import Coded, ColumnProgram
from dohyo_form.contract import BOOLEAN, DATE, INTEGER, NUMBER
from dohyo_form.form import CLASSIFICATION, FOLDER, REGRESSION, Form
from dohyo_form.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract
    from dohyo_form.intake import Row
    from dohyo_form.profile import Profile

    Floats = NDArray[np.float64]

# Kept with the request until it is answered: rows as the intake gives them, or a matrix.
Values = Any


class Predictor(Protocol):
    """What the engine needs of a model.

    Attributes:
        task: classification or regression.
        classes: of a classification, in the order of the probabilities.
        contract, profile, profile_digest: where the model came with them.
        columns: names of a matrix's columns, or None when any width will do.
    """

    task: str
    classes: list[Any]
    contract: Contract | None
    profile: Profile | None
    profile_digest: str

    def inputs_of_rows(self, rows: Sequence[Row]) -> Any:
        """The model's input for rows that the intake gave; arrays or lists that can be joined."""

    def inputs_of_matrix(self, matrix: Floats) -> Any:
        """The model's input for a checked matrix, [n_rows, n_fields]."""

    def inputs_of_columns(self, columns: Sequence[Floats | Coded]) -> Any:
        """The model's input for whole columns in the order of the contract."""

    def predict(self, inputs: Any) -> Floats:
        """Probabilities or values, [n_rows, n_outputs]."""

    def labels(self, outputs: Floats) -> list[Any]:
        """The class of each row."""

    def places(self, outputs: Floats) -> NDArray[np.int64]:
        """The same as places in `classes`."""


class AnswerError(Exception):
    """A model that did not refuse its input gave what is no prediction."""


class FormPredictor:
    """Answers by a serving form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.task, self.classes = form.task, form.classes
        self.contract: Contract | None = form.contract
        self.profile, self.profile_digest = form.profile, form.profile_digest
        self.predict = form.model.predict
        self.labels, self.places = form.labels, form.places
        self.inputs_of_rows = form.program.rows
        self.inputs_of_columns = ColumnProgram(form.program.document, form.contract).inputs

    def inputs_of_matrix(self, matrix: Floats) -> Floats:
        if self.form.program.takes_matrix:
            return self.form.program.matrix(matrix)
        rows = [tuple(None if v != v else v for v in row) for row in matrix.tolist()]  # noqa: PLR0124
        return self.form.encode(rows)


class PipelinePredictor:
    """Answers by a scikit-learn or XGBoost estimator, or by a function of a matrix."""

    def __init__(self, model: Any, contract: Contract | None = None) -> None:
        """Takes the model as it is.

        Args:
            model: with `predict_proba` or `predict`, or callable; its `threshold`, if it has one,
                decides for the second of two classes.
            contract: its columns in the order it was fitted with; None takes any matrix.
        """
        probabilities = getattr(model, "predict_proba", None)
        self.task = CLASSIFICATION if probabilities is not None else REGRESSION
        known = getattr(model, "classes_", ())
        self.classes = [each.item() if hasattr(each, "item") else each for each in known]
        self._threshold: float | None = getattr(model, "threshold", None)
        self.contract = contract
        self.profile: Profile | None = None
        self.profile_digest = ""
        self._call = probabilities or getattr(model, "predict", None) or model
        self._framed = hasattr(model, "feature_names_in_")
        # Of a model that was fitted with a frame, where no contract says them.
        self.feature_names = [str(each) for each in getattr(model, "feature_names_in_", ())]

    def inputs_of_rows(self, rows: Sequence[Row]) -> Any:
        if self._framed or (self.contract is not None and not self.contract.numeric):
            return list(rows)
        return np.array([[np.nan if v is None else v for v in row] for row in rows], np.float64)

    def inputs_of_matrix(self, matrix: Floats) -> Any:
        return matrix.tolist() if self._framed else matrix

    def inputs_of_columns(self, columns: Sequence[Floats | Coded]) -> Any:
        assert self.contract is not None, "columns are matched with a contract"
        if self._framed or not self.contract.numeric:
            return self._frame(
                column.objects() if isinstance(column, Coded) else column for column in columns
            )
        return np.column_stack([np.asarray(column) for column in columns])

    def predict(self, inputs: Any) -> Floats:
        table = self._table(inputs) if isinstance(inputs, list) else inputs
        return _table_of_numbers(self._call(table), len(inputs))

    def labels(self, outputs: Floats) -> list[Any]:
        return [self.classes[place] for place in self.places(outputs).tolist()]

    def places(self, outputs: Floats) -> NDArray[np.int64]:
        if self._threshold is not None and len(self.classes) == 2:
            return np.asarray(outputs[:, 1] >= self._threshold, dtype=np.int64)
        return np.asarray(outputs.argmax(axis=1), dtype=np.int64)

    def _table(self, rows: Sequence[Row]) -> Any:
        return self._frame(zip(*rows, strict=True))

    def _frame(self, columns: Iterable[Any]) -> Any:
        import pandas as pd  # noqa: PLC0415 - only pipelines over named columns need it

        assert self.contract is not None, "a frame has names"
        data: dict[str, Any] = {}
        for field, column in zip(self.contract.fields, columns, strict=True):
            numeric = field.kind in (NUMBER, INTEGER, BOOLEAN)
            series = pd.Series(column, dtype="float64" if numeric else "object")
            data[field.name] = pd.to_datetime(series) if field.kind == DATE else series
        return pd.DataFrame(data)


def form_in(folder: Path) -> Form | None:
    """The serving form inside a model's folder, if it has one.

    Raises:
        FormError: there is one, and it does not load.
    """
    place = folder / FOLDER
    return Form(place) if place.is_dir() else None


def _table_of_numbers(answer: Any, rows: int) -> Floats:
    """What a model gave, [n_rows, n_outputs]; it is not the client's fault when it is none."""
    try:
        table = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AnswerError(f"the model's answer holds more than numbers: {error}") from error
    if not table.ndim or len(table) != rows:
        raise AnswerError(f"the model's answer has shape {table.shape} for {rows} rows")
    return table.reshape(rows, -1)


def intake_of(predictor: Predictor) -> Intake | None:
    return None if predictor.contract is None else Intake(predictor.contract)
