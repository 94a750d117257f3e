"""From what a client sent to values in the order of the contract's fields, or to a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_form.contract import BOOLEAN, INTEGER, NUMBER, REJECT, REQUIRED, Contract, Field
from dohyo_form.errors import Finding, RefusedError
from dohyo_form.values import InvalidValueError, limits, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

# Of one answer; a client with 10,000 wrong rows reads the first ones.
MOST_FINDINGS: Final = 20
_ABSENT: Final = object()
# Limits that no number is within.
_NOTHING: Final = (1.0, 0.0)

Row = tuple[Any, ...]


class Intake:
    """Reads records (by name), rows (by position) and matrices of numbers."""

    def __init__(self, contract: Contract) -> None:
        """Prepares the readers of all fields.

        Raises:
            FormError: a field names a time zone that is none.
        """
        self.contract = contract
        self._closed = contract.unknown_fields == REJECT
        self._names = frozenset(contract.names)
        self._width = len(contract.fields)
        self._readers = [_Reader(each) for each in contract.fields]
        # What the loop over a record needs, without a look-up of attributes.
        self._steps = [(each.name, *each.in_record, each.read_or_default) for each in self._readers]
        self._low, self._high = np.array([each.in_matrix for each in self._readers]).T
        self._nullable = np.array([each.nullable for each in contract.fields])
        self._whole = np.array([each.whole for each in self._readers])
        self._some_whole = bool(self._whole.any())

    def record(self, record: Mapping[str, Any], place: tuple[str | int, ...] = ()) -> Row:
        """The values of one record.

        Raises:
            RefusedError: with every field that is wrong.
        """
        if type(record) is not dict:
            raise RefusedError([Finding(place, "type", "must be an object of fields", record)])
        get = record.get
        values = []
        try:
            for name, low, high, read in self._steps:
                value = get(name, _ABSENT)
                # The usual case in full: a float within its limits needs no call.
                if type(value) is float and low <= value <= high:
                    values.append(value)
                else:
                    values.append(read(value))
        except InvalidValueError:
            raise RefusedError(self._findings(record, place)) from None
        if len(record) != self._width and self._closed and not record.keys() <= self._names:
            raise RefusedError(self._findings(record, place))
        return tuple(values)

    def records(self, records: Sequence[Mapping[str, Any]], place: str = "records") -> list[Row]:
        """The values of many records.

        Raises:
            RefusedError: with the first wrong fields.
        """
        rows, findings = [], []
        for number, record in enumerate(records):
            try:
                rows.append(self.record(record, (place, number)))
            except RefusedError as refused:
                findings += refused.findings
                if len(findings) >= MOST_FINDINGS:
                    break
        if findings:
            raise RefusedError(findings[:MOST_FINDINGS])
        return rows

    def ordered(
        self, columns: Mapping[str, Sequence[Any]], length: int, place: str = "inputs"
    ) -> list[Sequence[Any]]:
        """Named columns in the order of the fields, defaults in place of what is left out.

        Raises:
            RefusedError: a field is missing or unknown, or a column is not of that length.
        """
        findings, result = [], []
        for each in self.contract.fields:
            column = columns.get(each.name)
            if column is None and each.default is not REQUIRED:
                column = [each.default] * length
            if column is None:
                findings.append(Finding((place, each.name), "missing", "must be given"))
            elif len(column) != length:
                message = f"has {len(column)} values where other fields have {length}"
                findings.append(Finding((place, each.name), "shape", message))
            else:
                result.append(column)
        known = ", ".join(self.contract.names[:40])
        findings += [
            Finding((place, name), "unknown", f"is no field; known are {known}")
            for name in columns
            if self._closed and name not in self._names
        ]
        if findings:
            raise RefusedError(findings[:MOST_FINDINGS])
        return result

    def columns(self, columns: Sequence[Sequence[Any]], place: str = "inputs") -> list[Row]:
        """Rows from one sequence of values for each field, all equally long.

        Raises:
            RefusedError: with the first wrong value of each wrong field.
        """
        read, findings = [], []
        for each, column in zip(self._readers, columns, strict=True):
            try:
                read.append([each.read(value) for value in column])
            except InvalidValueError:
                findings.append(_first_wrong(each, column, place))
        if findings:
            raise RefusedError(findings[:MOST_FINDINGS])
        return list(zip(*read, strict=True))

    def matrix(self, matrix: NDArray[np.float64], place: str = "inputs") -> NDArray[np.float64]:
        """Checks a matrix of numbers, [n_rows, n_fields]; not-a-number stands for null.

        Raises:
            RefusedError: with the first wrong numbers.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self._width:
            message = f"has shape {list(matrix.shape)}; send [rows, {self._width}]"
            raise RefusedError([Finding((place,), "shape", message)])
        fits = (matrix >= self._low) & (matrix <= self._high)
        if not self._some_whole and fits.all():
            return matrix
        absent = np.isnan(matrix)
        fits &= ~self._whole | (matrix == np.floor(matrix))
        fits |= absent & self._nullable
        if fits.all():
            return matrix
        wrong = np.argwhere(~fits)[:MOST_FINDINGS].tolist()
        raise RefusedError([self._misfit(place, r, c, float(matrix[r, c])) for r, c in wrong])

    def _misfit(self, place: str, row: int, column: int, value: float) -> Finding:
        each = self._readers[column]
        where = (place, row, each.field.name)
        if each.field.kind == BOOLEAN:
            return Finding(where, "type", "must be 0 or 1", value)
        try:
            each.read(value)
        except InvalidValueError as error:
            return _finding(where, error, value)
        raise AssertionError("a number was refused and is not wrong")

    def _findings(self, record: Mapping[str, Any], place: tuple[str | int, ...]) -> list[Finding]:
        """All that is wrong with a record, field by field."""
        found = []
        for each in self._readers:
            value = record.get(each.name, _ABSENT)
            try:
                each.read_or_default(value)
            except InvalidValueError as error:
                shown = None if value is _ABSENT else value
                found.append(_finding((*place, each.name), error, shown))
        if self._closed:
            known = ", ".join(self.contract.names[:40])
            found += [
                Finding((*place, str(name)), "unknown", f"is no field; known are {known}", value)
                for name, value in record.items()
                if name not in self._names
            ]
        return found


class _Reader:
    """How one field is read, and within which limits a number needs no further look."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.name = field.name
        self.read: Callable[[Any], Any] = reader(field)
        # In a record only a number is a float; in a matrix everything is one.
        self.in_record = limits(field) if field.kind == NUMBER else _NOTHING
        self.in_matrix = (0.0, 1.0) if field.kind == BOOLEAN else limits(field)
        self.whole = field.kind in (INTEGER, BOOLEAN)

    def read_or_default(self, value: Any) -> Any:
        if value is not _ABSENT:
            return self.read(value)
        if self.field.default is REQUIRED:
            raise InvalidValueError("missing", "given")
        return self.read(self.field.default)


def _first_wrong(each: _Reader, column: Sequence[Any], place: str) -> Finding:
    for number, value in enumerate(column):
        try:
            each.read(value)
        except InvalidValueError as error:
            return _finding((place, each.name, number), error, value)
    raise AssertionError("a column was refused and holds nothing wrong")


def _finding(place: tuple[str | int, ...], error: InvalidValueError, value: Any) -> Finding:
    return Finding(place, error.kind, f"must be {error.allowed}", value)
