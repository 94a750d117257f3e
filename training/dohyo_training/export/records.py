"""Rows of the table as a client would send them, and what the client must keep to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dohyo_form.contract import (
    BOOLEAN,
    CATEGORY,
    DATE,
    NUMBER,
    REJECT,
    REQUIRED,
    Contract,
    Field,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_form.intake import Row
    from dohyo_training.features import RequestField

_KINDS: Final = {"number": NUMBER, "flag": BOOLEAN, "category": CATEGORY, "date": DATE}


def contract_of(fields: Sequence[RequestField], unknown_fields: str = REJECT) -> Contract:
    """The contract of requests for these features."""
    return Contract(tuple(_field(each) for each in fields), unknown_fields)


def _field(field: RequestField) -> Field:
    is_number = field.kind == "number"
    return Field(
        name=field.name,
        kind=_KINDS[field.kind],
        nullable=field.nullable,
        # What may be null may also be left out.
        default=None if field.nullable else REQUIRED,
        categories=field.levels,
        unknown=field.unknown if field.kind == "category" else "other",
        strip="strip" in field.normalise,
        case="lower" if "lower" in field.normalise else "keep",
        warn=(field.low, field.high) if is_number else (None, None),  # type: ignore[arg-type]
        hard=(field.min, field.max) if is_number else (None, None),
        unit=field.unit,
        # The table holds all dates in UTC.
        time_zone="UTC",
        description=field.description,
    )


def records_of(frame: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    """JSON values of some rows, in the order of the frame."""
    columns = {each.name: _values(frame[each.name], each.kind) for each in contract.fields}
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: pd.Series, kind: str) -> list[Any]:
    missing = column.isna().to_numpy()
    if kind == NUMBER:
        values: list[Any] = column.to_numpy(np.float64).tolist()
    elif kind == BOOLEAN:
        values = [value == 1 for value in column.tolist()]
    elif kind == DATE:
        values = [None if pd.isna(value) else value.isoformat() for value in column]
    else:
        values = column.astype(object).tolist()
    return [None if gone else value for value, gone in zip(values, missing.tolist(), strict=True)]


def frame_of(rows: Sequence[Row], contract: Contract) -> pd.DataFrame:
    """Rows as the intake gives them, in the types of the training table."""
    data = {}
    columns = zip(*rows, strict=True) if rows else [()] * len(contract.fields)
    for field, column in zip(contract.fields, columns, strict=True):
        if field.kind in (NUMBER, BOOLEAN):
            data[field.name] = pd.Series(column, dtype="float64")
        elif field.kind == DATE:
            data[field.name] = pd.to_datetime(pd.Series(column, dtype="object"))
        else:
            values = [np.nan if value is None else value for value in column]
            data[field.name] = pd.Series(values, dtype="object")
    return pd.DataFrame(data)
