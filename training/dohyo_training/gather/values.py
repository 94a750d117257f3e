"""Columns as they were read → typed columns, or a sentence on the value that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from pandas.api import types

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from dohyo_training.config import Column
    from dohyo_training.table import Kind

# Of a column of texts: above this share of numbers, the rest are taken for mistakes.
_MOSTLY: Final = 0.5
_ISO_DATE: Final = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
_ZONED: Final = r".*(?:Z|[+-]\d{2}:?\d{2})"


def typed(name: str, values: pd.Series, column: Column) -> tuple[pd.Series, Kind]:
    """One column by its declared kind, or by what its values are.

    Returns the values as `Table.frame` holds them, and their kind.

    Raises:
        DataComplaint: texts among numbers, or dates that are none.
    """
    if column.kind == "category":
        return category(values, column), "category"
    if column.kind == "date" or types.is_datetime64_any_dtype(values.dtype):
        return date(name, values, column), "date"
    if types.is_bool_dtype(values.dtype):
        return values.astype("float64"), "flag"
    if types.is_numeric_dtype(values.dtype):
        return values.astype("float64"), "number"
    if column.kind == "number":
        return number(name, values), "number"
    return _by_looks(name, values, column)


def _by_looks(name: str, values: pd.Series, column: Column) -> tuple[pd.Series, Kind]:
    filled = values.dropna()
    if len(filled) == 0:
        return values.astype("float64"), "number"
    if filled.map(type).isin((bool, np.bool_)).all():
        return values.astype("float64"), "flag"
    numbers = pd.to_numeric(filled, errors="coerce").notna().mean()
    if numbers > _MOSTLY:
        return number(name, values), "number"
    texts = filled.astype(str).str.strip()
    if numbers > 0 and len(set(filled.map(type))) > 1:
        raise DataComplaint(
            f"column {name!r} mixes types: {_examples(filled)}; declare `kind: category`, or mend "
            "the source"
        )
    if texts.str.fullmatch(_ISO_DATE).mean() > _MOSTLY:
        return date(name, values, column), "date"
    return category(values, column), "category"


def number(name: str, values: pd.Series) -> pd.Series:
    """The values as float64.

    Raises:
        DataComplaint: one of them is no number; says which row, and what it holds.
    """
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = numbers.isna() & values.notna()
    if wrong.any():
        text = str(values[wrong].iloc[0])
        comma = pd.notna(pd.to_numeric(text.replace(",", "."), errors="coerce"))
        way = (
            "set `decimal: ','` for the source"
            if comma
            else "list it under `missing` of the source if it stands for no value, declare "
            "`kind: category`, or mend the source"
        )
        raise DataComplaint(
            f"column {name!r}: row {_row(wrong)} holds {text!r}, which is no number, and "
            f"{int(wrong.sum())} of {len(values)} rows are like that; {way}"
        )
    return numbers.astype("float64")


def category(values: pd.Series, column: Column) -> pd.Series:
    """The values as normalised texts, missing ones as NaN."""
    filled = values.notna()
    texts = np.full(len(values), np.nan, dtype=object)
    # One text for each level, not one for each row.
    levels: dict[str, str] = {}
    written = (normalised(_plain(value), column) for value in values[filled])
    texts[filled.to_numpy()] = [levels.setdefault(text, text) for text in written]
    return pd.Series(texts, index=values.index, dtype=object)


def normalised(text: str, column: Column) -> str:
    """A text as it is compared with the levels."""
    for step in column.normalise:
        text = text.strip() if step == "strip" else text.lower()
    return text


def _plain(value: object) -> str:
    """A level as it stands in JSON: 1.0 is 1, True is true."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def date(name: str, values: pd.Series, column: Column) -> pd.Series:
    """The values as datetime64[ns] in UTC, without a zone.

    Raises:
        DataComplaint: a value is no ISO date, or only some of them bear a time zone.
    """
    if types.is_datetime64_any_dtype(values.dtype):
        return _utc(values, column)
    filled = values.notna()
    texts = values[filled].astype(str).str.strip()
    zoned = texts.str.fullmatch(_ZONED) & texts.str.contains(":")
    if zoned.any() and not zoned.all():
        raise DataComplaint(
            f"column {name!r}: row {_row(~zoned)} has a date without a time zone, others have "
            "one; write the zone in all or in none"
        )
    parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=bool(zoned.any()))
    wrong = parsed.isna()
    if wrong.any():
        raise DataComplaint(
            f"column {name!r}: row {_row(wrong)} holds {texts[wrong].iloc[0]!r}, which is no ISO "
            f"date such as 2026-03-31, and {int(wrong.sum())} of {len(values)} rows are like "
            "that; mend the source, or declare `kind: category`"
        )
    return _utc(parsed.reindex(values.index), column)


def _utc(values: pd.Series, column: Column) -> pd.Series:
    if values.dt.tz is None:
        # In the hour that comes twice, the later one is meant; one that does not exist moves on.
        values = values.dt.tz_localize(
            column.time_zone, ambiguous=np.zeros(len(values), bool), nonexistent="shift_forward"
        )
    return values.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]")


def _row(wrong: pd.Series) -> int:
    """The first row of a mask, counted from 1 below the header."""
    return int(wrong.index[int(np.argmax(wrong.to_numpy()))]) + 1


def _examples(filled: pd.Series) -> str:
    first = filled[~filled.map(type).duplicated()].iloc[:3]
    return ", ".join(f"row {int(row) + 1} holds {value!r}" for row, value in first.items())
