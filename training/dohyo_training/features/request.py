"""What a request must hold, as the training rows know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Kind, Table

_MOST_LEVELS: Final = 1000
_TAILS: Final = (0.001, 0.999)


@dataclass(frozen=True)
class RequestField:
    """One field of a request, as the training rows know it.

    Attributes:
        name: of the column.
        kind: number, flag, category or date.
        nullable: whether a missing value is taken.
        missing_share: in the training rows.
        levels: of a category, most frequent first, at most 1,000.
        unknown: what happens to other levels: `other` or `reject`.
        normalise: what is done to text first: `strip`, `lower`.
        low, high: 0.1 % and 99.9 % quantile of a number, or ISO dates; outside: warn.
        min, max: hard bounds of the configuration; outside: refuse.
        unit, description, time_zone: of the configuration.
    """

    name: str
    kind: Kind
    nullable: bool
    missing_share: float
    levels: tuple[str, ...]
    unknown: str
    normalise: tuple[str, ...]
    low: float | str | None
    high: float | str | None
    min: float | None
    max: float | None
    unit: str
    description: str
    time_zone: str


def fields(
    config: RunConfig,
    table: Table,
    columns: Sequence[str],
    rows: NDArray[np.intp] | None = None,
) -> tuple[RequestField, ...]:
    """What a request must hold for the features `columns`.

    Args:
        config: of the run.
        table: of the run.
        columns: features, such as `Selection.kept`.
        rows: positions of the rows to learn it from; default: all.
    """
    frame = table.frame if rows is None else table.frame.iloc[rows]
    return tuple(_field(config, table, frame[name]) for name in columns)


def _field(config: RunConfig, table: Table, values: pd.Series) -> RequestField:
    name = str(values.name)
    column, kind = config.column(name), table.kinds[name]
    missing = float(values.isna().mean())
    low, high = _range(values, kind)
    levels = tuple(values.value_counts().index[:_MOST_LEVELS]) if kind == "category" else ()
    return RequestField(
        name=name,
        kind=kind,
        nullable=missing > 0 and column.missing != "refuse",
        missing_share=round(missing, 6),
        levels=levels,
        unknown=column.unknown,
        normalise=column.normalise if kind == "category" else (),
        low=low,
        high=high,
        min=column.min,
        max=column.max,
        unit=column.unit,
        description=column.description,
        time_zone=column.time_zone if kind == "date" else "",
    )


def _range(values: pd.Series, kind: Kind) -> tuple[float | str | None, float | str | None]:
    if kind not in ("number", "date") or values.isna().all():
        return None, None
    low, high = (values.quantile(tail) for tail in _TAILS)
    if kind == "date":
        return low.isoformat(), high.isoformat()
    return float(low), float(high)
