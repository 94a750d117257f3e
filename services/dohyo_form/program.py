"""`row.json`: how the values of a request become the numbers that the model takes.

A list of steps, each with its operation, the field it reads and the columns it writes (`at`).
A row is a loop over Python numbers, a batch a loop over columns; both do the same arithmetic in
the same order and give the same bits as the transformers that the steps were exported from.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.errors import FormError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_form.contract import Contract
    from dohyo_form.intake import Row

PROGRAM_FORMAT: Final = 1
NUMBER, MISSING, ONE_HOT, TABLE, DATE, DAYS = (
    "number",
    "missing",
    "one-hot",
    "table",
    "date",
    "days",
)
# Of numbers, made row by row: first over second, and so on; log1p takes one.
RATIO, DIFFERENCE, PRODUCT, LOG1P = "ratio", "difference", "product", "log1p"
ARITHMETIC: Final = (RATIO, DIFFERENCE, PRODUCT, LOG1P)
_SECONDS_PER_DAY: Final = 86_400.0
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the values are naive, in the field's zone
NO_COLUMN: Final = -1

# What a date can give.
PARTS: Final[Mapping[str, Callable[[datetime], float]]] = {
    "year": lambda moment: float(moment.year),
    "quarter": lambda moment: float((moment.month + 2) // 3),
    "month": lambda moment: float(moment.month),
    "week": lambda moment: float(moment.isocalendar().week),
    "day": lambda moment: float(moment.day),
    "weekday": lambda moment: float(moment.weekday()),
    "day-of-year": lambda moment: float(moment.timetuple().tm_yday),
    "hour": lambda moment: float(moment.hour),
    "days-since-1970": lambda moment: (moment - _EPOCH).total_seconds() / _SECONDS_PER_DAY,
    "seconds-since-1970": lambda moment: (moment - _EPOCH).total_seconds(),
}


class RowProgram:
    """Makes the model's input from values in the order of the contract's fields."""

    def __init__(self, document: Mapping[str, Any], contract: Contract) -> None:
        """Compiles the steps of a `row.json`.

        Raises:
            FormError: names the step and what is wrong with it.
        """
        known = document.get("format")
        if known != PROGRAM_FORMAT:
            raise FormError(f"row.json: format {known!r} is unknown; this reads {PROGRAM_FORMAT}")
        self.document = document
        self.width = int(document.get("width", 0))
        compiler = _Compiler({name: place for place, name in enumerate(contract.names)})
        for place, step in enumerate(document.get("steps", ())):
            try:
                compiler.add(step)
            except (KeyError, TypeError, ValueError) as error:
                raise FormError(
                    f"row.json: steps[{place}]: {step!r} is malformed: {error}"
                ) from error
        compiler.check_columns(self.width)
        self._scalars, self._choices = compiler.scalars, compiler.choices
        self._blank = [0.0] * self.width
        self._matrix = _MatrixPlan.of(self._scalars, contract) if not self._choices else None

    @property
    def takes_matrix(self) -> bool:
        """Whether a matrix of the contract's fields can be transformed as it is."""
        return self._matrix is not None

    def row(self, values: Row) -> list[float]:
        """The model's input for one row, [width]."""
        out = self._blank.copy()
        for place, at, read, fill, shift, divide in self._scalars:
            value = values[place]
            if read is not None:
                value = read(value, values)
            elif value is None:
                value = fill
            out[at] = (value - shift) / divide
        for place, columns, other, missing in self._choices:
            value = values[place]
            at = missing if value is None else columns.get(value, other)
            if at >= 0:
                out[at] = 1.0
        return out

    def rows(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """The model's input for some rows, [n_rows, width]."""
        if len(rows) <= 32:
            return np.array([self.row(values) for values in rows], dtype=np.float64)
        return self.batch(rows)

    def batch(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """The same as `rows`, column by column: faster from some tens of rows on."""
        columns = list(zip(*rows, strict=True))
        out = np.zeros((len(rows), self.width))
        for place, at, read, fill, shift, divide in self._scalars:
            column = columns[place]
            if read is not None:
                numbers = [read(value, values) for value, values in zip(column, rows, strict=True)]
            else:
                numbers = [fill if value is None else value for value in column]
            out[:, at] = (np.array(numbers, dtype=np.float64) - shift) / divide
        for place, at_of, other, missing in self._choices:
            chosen = np.array(
                [missing if value is None else at_of.get(value, other) for value in columns[place]]
            )
            hit = np.flatnonzero(chosen >= 0)
            out[hit, chosen[hit]] = 1.0
        return out

    def matrix(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The model's input from a checked matrix of the fields, not-a-number for null.

        Only where `takes_matrix`.
        """
        assert self._matrix is not None
        return self._matrix.apply(matrix)


# place, column, function of the value and the row or None, fill, shift, divide
Scalar = tuple[int, int, "Callable[[Any, Row], float] | None", float, float, float]
# place, column by category, column of other values, column of null
Choice = tuple[int, "dict[Any, int]", int, int]


class _Compiler:
    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places
        self.scalars: list[Scalar] = []
        self.choices: list[Choice] = []
        self._written: list[int] = []

    def add(self, step: Mapping[str, Any]) -> None:
        operation = step["op"]
        if operation == ONE_HOT:
            self._add_choice(step)
            return
        if operation not in (NUMBER, MISSING, TABLE, DATE, DAYS, *ARITHMETIC):
            raise ValueError(f"op {operation!r} is unknown")
        at, fill = int(step["at"]), _number(step.get("fill"))
        shift, divide = float(step.get("shift", 0.0)), float(step.get("divide", 1.0))
        if divide == 0 or not math.isfinite(divide):
            raise ValueError(f"divide {divide} is no divisor")
        place = self._place(_first_field(step))
        read = self._reader(operation, step, fill)
        self._written.append(at)
        self.scalars.append((place, at, read, fill, shift, divide))

    def check_columns(self, width: int) -> None:
        """Every column is written by exactly one step."""
        if sorted(self._written) != list(range(width)):
            raise FormError(
                f"row.json: the steps write columns {sorted(self._written)[:20]}…, "
                f"not each of 0 to {width - 1} once"
            )

    def _reader(
        self, operation: str, step: Mapping[str, Any], fill: float
    ) -> Callable[[Any, Row], float] | None:
        if operation == NUMBER:
            return None
        if operation == MISSING:
            return self._absence(step)
        if operation in ARITHMETIC:
            return self._arithmetic(operation, step, fill)
        if operation == TABLE:
            table = {key: float(number) for key, number in step["table"]}
            other = _number(step.get("other"))
            return lambda value, _: fill if value is None else table.get(value, other)
        if operation == DATE:
            part = PARTS[step["part"]]
            return lambda value, _: fill if value is None else part(value)
        end = self._place(step["to"])

        def days(value: Any, row: Row) -> float:
            until = row[end]
            if value is None or until is None:
                return fill
            elapsed: float = (until - value).total_seconds()
            return elapsed / _SECONDS_PER_DAY

        return days

    def _absence(self, step: Mapping[str, Any]) -> Callable[[Any, Row], float]:
        """Whether a field is missing, or with `of` what another step makes of the row."""
        if "of" not in step:
            return _absent
        inner = step["of"]
        made = self._reader(inner["op"], inner, math.nan)
        if made is None:
            return _absent
        return lambda value, row: _absent(made(value, row), row)

    def _arithmetic(
        self, operation: str, step: Mapping[str, Any], fill: float
    ) -> Callable[[Any, Row], float]:
        if operation == LOG1P:

            def log1p(value: Any, _: Row) -> float:
                return fill if value is None or value < 0 else float(np.log1p(value))

            return log1p
        second = self._place(step["fields"][1])

        def combined(value: Any, row: Row) -> float:
            other = row[second] if value is not None else None
            if other is None or (operation == RATIO and other == 0):
                return fill
            if operation == RATIO:
                return float(value / other)
            return float(value - other if operation == DIFFERENCE else value * other)

        return combined

    def _add_choice(self, step: Mapping[str, Any]) -> None:
        columns = {key: int(at) for key, at in step["at"]}
        other, missing = int(step.get("other", NO_COLUMN)), int(step.get("missing", NO_COLUMN))
        self._written += sorted({*columns.values(), other, missing} - {NO_COLUMN})
        self.choices.append((self._place(step["field"]), columns, other, missing))

    def _place(self, field: str) -> int:
        if field not in self._places:
            raise ValueError(f"{field!r} is no field of contract.json")
        return self._places[field]


class _MatrixPlan:
    """The steps of a program that reads numbers only, as operations on whole columns."""

    def __init__(self, scalars: Sequence[Scalar], width: int) -> None:
        ordered = sorted(scalars, key=lambda scalar: scalar[1])
        self._places = np.array([scalar[0] for scalar in ordered])
        self._straight = self._places.tolist() == list(range(width))
        fills = np.array([scalar[3] for scalar in ordered])
        self._fills = None if np.isnan(fills).all() else fills
        self._flags = np.array([scalar[2] is not None for scalar in ordered])
        self._shift = np.array([scalar[4] for scalar in ordered])
        self._divide = np.array([scalar[5] for scalar in ordered])
        self._plain = not self._flags.any() and self._fills is None
        self._unscaled = not self._shift.any() and bool((self._divide == 1.0).all())

    @classmethod
    def of(cls, scalars: Sequence[Scalar], contract: Contract) -> _MatrixPlan | None:
        plain = all(scalar[2] is None or scalar[2] is _absent for scalar in scalars)
        return cls(scalars, len(contract.fields)) if plain and contract.numeric else None

    def apply(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self._straight:
            matrix = matrix[:, self._places]
        if not self._plain:
            absent = np.isnan(matrix)
            if self._fills is not None:
                matrix = np.where(absent, self._fills, matrix)
            matrix = np.where(self._flags, absent.astype(np.float64), matrix)
        if self._unscaled:
            return matrix
        scaled: NDArray[np.float64] = (matrix - self._shift) / self._divide
        return scaled


def _absent(value: Any, _: Row) -> float:
    return 1.0 if value is None or value != value else 0.0  # noqa: PLR0124


def _first_field(step: Mapping[str, Any]) -> str:
    """The field whose value the step is called with."""
    inner = step.get("of", step)
    if inner["op"] in ARITHMETIC:
        return str(inner["fields"][0])
    return str(inner["from"] if inner["op"] == DAYS else inner["field"])


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
