"""Columns of a data set → columns for the model, and what the contract refuses.

Whole columns are checked at once. What that does not find plainly right is read value by value,
by the same reader as in a request, so that a row is good here exactly when it is good there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dohyo.contract import batch
from dohyo_batch.complaint import BatchError
from dohyo_form.columns import Coded
from dohyo_form.contract import BOOLEAN, CATEGORY, INTEGER, NUMBER, REQUIRED, Contract, Field
from dohyo_form.values import InvalidValueError, limits, reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    # An array of Arrow, or a list of values of JSON.
    Given = Any

_NUMERIC: Final = (NUMBER, INTEGER, BOOLEAN)
# In a list of values of JSON: this record has no such field.
ABSENT: Final = object()


@dataclass(frozen=True)
class Refused:
    """One value that the contract refuses.

    Attributes:
        place: of the row in its chunk.
        column: of the data.
        value: as it stands there, in words.
        reason: what is wrong, and what is allowed.
    """

    place: int
    column: str
    value: str
    reason: str


@dataclass
class Checked:
    """A chunk as the model takes it.

    Attributes:
        columns: in the order of the contract, good rows only.
        good: of each row of the chunk.
        refused: values of the other ones.
        imputed: by field: good rows in which the model fills it in.
        unknown: by field: good rows with a category that it has not learned.
    """

    columns: list[Floats | Coded]
    good: NDArray[np.bool_]
    refused: list[Refused] = field(default_factory=list)
    imputed: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    unknown: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


class ColumnIntake:
    """Reads chunks by a contract."""

    def __init__(
        self, contract: Contract, columns: Mapping[str, str] | None, *, text: bool
    ) -> None:
        """Prepares the readers.

        Args:
            contract: of the model.
            columns: field → column, where the names differ.
            text: whether all values are texts, as in CSV, and numbers have to be read from them.
        """
        renamed = dict(columns or {})
        strangers = sorted(renamed.keys() - set(contract.names))
        if strangers:
            raise BatchError(
                batch.INVALID_ORDER,
                f"input.columns: {', '.join(strangers)}: the model has no such field; "
                f"known are {', '.join(contract.names[:40])}",
            )
        self.contract = contract
        self.column_of = {name: renamed.get(name, name) for name in contract.names}
        self._readers = [_Reader(each, text=text) for each in contract.fields]

    def check_names(self, names: Sequence[str], where: str) -> None:
        """Every field without a default has its column.

        Raises:
            BatchError: names the missing ones.
        """
        missing = [
            f"{self.column_of[each.name]!r}"
            for each in self.contract.fields
            if each.default is REQUIRED and self.column_of[each.name] not in names
        ]
        if missing:
            raise BatchError(
                batch.MISSING_COLUMN,
                f"{where}: no column {', '.join(missing[:10])}; the data have "
                f"{', '.join(sorted(names)[:20]) or 'none'}; map them in input.columns",
            )

    def read(self, columns: Mapping[str, Given], length: int) -> Checked:
        """Reads a chunk.

        Args:
            columns: by the data's names; of JSON lists of values, with ABSENT among them.
            length: rows of the chunk.
        """
        read: list[Floats | Coded] = []
        refused: list[Refused] = []
        for each in self._readers:
            name = self.column_of[each.field.name]
            found, wrong = each.read(columns.get(name), length)
            read.append(found)
            refused += [Refused(place, name, _words(value), why) for place, value, why in wrong]
        good = np.ones(length, dtype=bool)
        good[[each.place for each in refused]] = False
        if refused:
            read = [_where(column, good) for column in read]
        checked = Checked(read, good, refused)
        for each, column in zip(self._readers, read, strict=True):
            self._remark(each, column, checked)
        return checked

    def _remark(self, each: _Reader, column: Floats | Coded, checked: Checked) -> None:
        name = each.field.name
        lacking = column.codes < 0 if isinstance(column, Coded) else np.isnan(column)
        if lacking.any():
            checked.imputed[name] = lacking
        if each.known is not None and isinstance(column, Coded):
            strange = np.array([value not in each.known for value in column.values] + [False])
            unknown = strange[column.codes]
            if unknown.any():
                checked.unknown[name] = unknown


Wrong = tuple[int, Any, str]


class _Reader:
    """How one field is read."""

    def __init__(self, field_: Field, *, text: bool) -> None:
        self.field = field_
        self.known = (
            frozenset(field_.categories) if field_.kind == CATEGORY and field_.categories else None
        )
        self._text = text
        self._read = reader(field_)
        self._low, self._high = limits(field_)
        self._spelt = {str(each): each for each in field_.categories}

    def read(self, given: Given | None, length: int) -> tuple[Floats | Coded, list[Wrong]]:
        """The column, and each wrong value with its place and what is wrong."""
        if given is None:
            given = [ABSENT] * length
        if isinstance(given, list):
            found = _array_of(given)
            if found is None:
                return self._by_value(given)
            given = found
        if self.field.kind in (NUMBER, INTEGER):
            return self._numbers(given)
        return self._coded(given)

    def _numbers(self, given: pa.Array) -> tuple[Floats | Coded, list[Wrong]]:
        numbers = _floats(given, text=self._text)
        if numbers is None:
            return self._by_value(given.to_pylist())
        fits = (numbers >= self._low) & (numbers <= self._high)
        if self.field.kind == INTEGER:
            fits &= numbers == np.floor(numbers)
        absent = np.isnan(numbers)
        if self.field.nullable:
            fits |= absent
        if fits.all():
            return numbers, []
        wrong: list[Wrong] = []
        places = np.flatnonzero(~fits)
        values = given.take(pa.array(places)).to_pylist()
        numbers = numbers.copy()  # what Arrow holds may not be written to
        for place, value in zip(places.tolist(), values, strict=True):
            numbers[place], why = self._one(value)
            if why:
                wrong.append((place, value, why))
        return numbers, wrong

    def _coded(self, given: pa.Array) -> tuple[Floats | Coded, list[Wrong]]:
        """Reads each different value once."""
        if not pa.types.is_dictionary(given.type):
            given = pc.dictionary_encode(given)
        values = given.dictionary.to_pylist()
        codes = np.asarray(given.indices.fill_null(-1)).astype(np.int64)
        read, why = [], []
        for value in [*values, None]:
            found, words = self._one(value)
            read.append(found)
            why.append(words)
        wrong: list[Wrong] = []
        bad = np.array([bool(words) for words in why])
        if bad.any():
            wrong = [
                (place, values[code] if code >= 0 else None, why[code])
                for place, code in ((p, int(codes[p])) for p in np.flatnonzero(bad[codes]).tolist())
            ]
        return self._column(read, codes), wrong

    def _by_value(self, given: list[Any]) -> tuple[Floats | Coded, list[Wrong]]:
        """Values of several kinds, as JSON has them."""
        read, wrong = [], []
        for place, value in enumerate(given):
            found, why = self._one(value)
            read.append(found)
            if why:
                wrong.append((place, None if value is ABSENT else value, why))
        if self.field.kind in (NUMBER, INTEGER):
            return np.array([np.nan if v is None else v for v in read], dtype=np.float64), wrong
        return self._column([*read, None], np.arange(len(given))), wrong

    def _column(self, read: list[Any], codes: NDArray[np.int64]) -> Floats | Coded:
        """The column of what `codes` lead to in `read`, whose last one stands for null."""
        if self.field.kind == BOOLEAN:
            table = np.array([np.nan if v is None else v for v in read], dtype=np.float64)
            return np.asarray(table[codes])
        # Values that the reader has made None are null from here on.
        places = np.array([-1 if v is None else p for p, v in enumerate(read)], dtype=np.int64)
        return Coded(["" if v is None else v for v in read], places[codes])

    def _one(self, value: Any) -> tuple[Any, str]:
        """What a value becomes, and why it may not."""
        nothing = np.nan if self.field.kind in _NUMERIC else None
        if value is ABSENT and self.field.default is REQUIRED:
            return nothing, "must be given"
        try:
            if value is ABSENT:
                return self._read(self.field.default), ""
            return self._read(self._as_in_json(value)), ""
        except InvalidValueError as error:
            return nothing, f"must be {error.allowed}"

    def _as_in_json(self, value: Any) -> Any:
        """A value of a table as a request would spell it."""
        if isinstance(value, date | datetime):
            return value.isoformat()
        if self.field.kind == BOOLEAN:
            if self._text and isinstance(value, str):
                return _TRUTH.get(value.strip().lower(), value)
            return bool(value) if type(value) in (int, float) and value in (0, 1) else value
        if self._text and self.field.kind in (NUMBER, INTEGER) and isinstance(value, str):
            return _number_of(value)
        if self._text and self.field.kind == CATEGORY and isinstance(value, str):
            return self._spelt.get(value, value)
        return value


_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


def _array_of(values: list[Any]) -> pa.Array | None:
    """The values as one kind of array; None when they are of several."""
    if any(value is ABSENT for value in values):
        return None
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) > 1 and kinds != {int, float}:
        return None
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None


def _floats(given: pa.Array, *, text: bool) -> Floats | None:
    """Numbers with not-a-number for null, to be read alone; None when some are none."""
    kind = given.type
    if pa.types.is_dictionary(kind):
        given = given.dictionary_decode()
        kind = given.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    spelt = text and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
    if pa.types.is_null(kind):
        return np.full(len(given), np.nan)
    if not plain and not spelt:
        return None
    if not pa.types.is_float64(kind):
        try:
            given = pc.cast(given, pa.float64(), safe=False)
        except pa.ArrowInvalid:
            return None
    found: Floats = given.to_numpy(zero_copy_only=False)
    return found


def _number_of(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _where(column: Floats | Coded, kept: NDArray[np.bool_]) -> Floats | Coded:
    return column.where(kept) if isinstance(column, Coded) else column[kept]


def _words(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"
