"""Whole columns in place of rows: the same values, and the same numbers for the model.

A column of numbers is an array with not-a-number for null; every other one is `Coded`: each value
is read, and each step of the row program is taken, once for all rows that share it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_form.program import (
    ARITHMETIC,
    DATE,
    DAYS,
    LOG1P,
    MISSING,
    NO_COLUMN,
    NUMBER,
    ONE_HOT,
    PARTS,
    RATIO,
    TABLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract

    Floats = NDArray[np.float64]

_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Coded:
    """A column of few different values.

    Attributes:
        values: as the intake gives them; none is None, and each may stand there twice.
        codes: places in `values`, one for each row; -1 is null.
    """

    values: Sequence[Any]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def numbers(self, of: Callable[[Any], float], null: float) -> Floats:
        """A number for each row, by its value."""
        table = np.array([*(of(value) for value in self.values), null], dtype=np.float64)
        return np.asarray(table[self.codes])

    def objects(self) -> NDArray[np.object_]:
        """The values themselves, None for null."""
        table = np.empty(len(self.values) + 1, dtype=object)
        table[:-1] = list(self.values)
        return np.asarray(table[self.codes])

    def where(self, kept: NDArray[np.bool_]) -> Coded:
        return Coded(self.values, self.codes[kept])


class ColumnProgram:
    """A row program, taken column by column; it gives the bits that `RowProgram` does."""

    def __init__(self, document: Mapping[str, Any], contract: Contract) -> None:
        """Takes a `row.json` that `RowProgram` has taken."""
        self._width = int(document.get("width", 0))
        self._steps: list[Mapping[str, Any]] = list(document.get("steps", ()))
        self._places = {name: place for place, name in enumerate(contract.names)}

    def inputs(self, columns: Sequence[Floats | Coded]) -> Floats:
        """The model's input, [n_rows, width]; columns stand in the order of the contract."""
        length = len(columns[0])
        out = np.zeros((length, self._width))
        for step in self._steps:
            if step["op"] == ONE_HOT:
                self._choose(step, columns, out)
                continue
            fill = _number(step.get("fill"))
            numbers = self._made(step, columns, fill)
            shift, divide = float(step.get("shift", 0.0)), float(step.get("divide", 1.0))
            np.divide(numbers - shift, divide, out=out[:, int(step["at"])])
        return out

    def _column(self, columns: Sequence[Floats | Coded], field: str) -> Floats | Coded:
        return columns[self._places[field]]

    def _made(
        self, step: Mapping[str, Any], columns: Sequence[Floats | Coded], fill: float
    ) -> Floats:
        operation = step["op"]
        if operation == MISSING:
            return self._absence(step, columns)
        if operation in ARITHMETIC:
            return self._arithmetic(step, columns, fill)
        if operation == DAYS:
            return self._days(step, columns, fill)
        column = self._column(columns, step["field"])
        if operation == NUMBER:
            assert not isinstance(column, Coded), "a number is read of numbers"
            absent = np.isnan(column)
            return np.where(absent, fill, column) if absent.any() else column
        if operation == DATE:
            assert isinstance(column, Coded), "a date is read of dates"
            return column.numbers(PARTS[step["part"]], fill)
        assert operation == TABLE, "RowProgram knows no other"
        table = {key: float(number) for key, number in step["table"]}
        other = _number(step.get("other"))
        return _coded(column).numbers(lambda value: table.get(value, other), fill)

    def _absence(self, step: Mapping[str, Any], columns: Sequence[Floats | Coded]) -> Floats:
        inner = step.get("of")
        if inner is not None and inner["op"] != NUMBER:
            return np.isnan(self._made(inner, columns, math.nan)).astype(np.float64)
        column = self._column(columns, step["field"] if inner is None else inner["field"])
        absent = column.codes < 0 if isinstance(column, Coded) else np.isnan(column)
        return absent.astype(np.float64)

    def _arithmetic(
        self, step: Mapping[str, Any], columns: Sequence[Floats | Coded], fill: float
    ) -> Floats:
        first, *others = (self._column(columns, field) for field in step["fields"])
        assert not isinstance(first, Coded), "arithmetic takes numbers"
        with np.errstate(all="ignore"):
            if step["op"] == LOG1P:
                lacking = np.isnan(first) | (first < 0)
                return np.where(lacking, fill, np.log1p(np.where(lacking, 0.0, first)))
            second = others[0]
            assert not isinstance(second, Coded), "arithmetic takes numbers"
            lacking = np.isnan(first) | np.isnan(second)
            if step["op"] == RATIO:
                lacking |= second == 0
                return np.where(lacking, fill, first / np.where(lacking, 1.0, second))
            made = first - second if step["op"] == "difference" else first * second
            return np.where(lacking, fill, made)

    def _days(
        self, step: Mapping[str, Any], columns: Sequence[Floats | Coded], fill: float
    ) -> Floats:
        begin, end = (self._column(columns, step[name]) for name in ("from", "to"))
        assert isinstance(begin, Coded), "days are counted between dates"
        assert isinstance(end, Coded), "days are counted between dates"
        pairs, of_row = np.unique(np.stack([begin.codes, end.codes]), axis=1, return_inverse=True)
        found = [
            fill
            if low < 0 or high < 0
            else (end.values[high] - begin.values[low]).total_seconds() / _SECONDS_PER_DAY
            for low, high in pairs.T.tolist()
        ]
        return np.array(found, dtype=np.float64)[of_row.ravel()]

    def _choose(
        self, step: Mapping[str, Any], columns: Sequence[Floats | Coded], out: Floats
    ) -> None:
        column = _coded(self._column(columns, step["field"]))
        at_of = {key: int(at) for key, at in step["at"]}
        other, missing = int(step.get("other", NO_COLUMN)), int(step.get("missing", NO_COLUMN))
        table = np.array([*(at_of.get(value, other) for value in column.values), missing])
        chosen = table[column.codes]
        hit = np.flatnonzero(chosen >= 0)
        out[hit, chosen[hit]] = 1.0


def _coded(column: Floats | Coded) -> Coded:
    """Any column by its values; numbers rarely are many where a step asks for them."""
    if isinstance(column, Coded):
        return column
    values, codes = np.unique(column, return_inverse=True)
    kept = ~np.isnan(values)
    return Coded(values[kept].tolist(), np.where(kept[codes], codes, -1))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
