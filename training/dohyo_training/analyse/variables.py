"""What each column is, and what it may be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training.analyse.relations import as_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Kind, Table

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEVELS_SHOWN = 5


def variables(table: Table) -> list[dict[str, Any]]:
    """Kind, filling and spread of every feature and audit-only column."""
    return [_variable(table.frame[name], kind) for name, kind in table.kinds.items()]


def _variable(values: pd.Series, kind: Kind) -> dict[str, Any]:
    return {
        "column": str(values.name),
        "kind": kind,
        "missing": round(float(values.isna().mean()), 4),
        "distinct": int(values.nunique()),
        "spread": _spread(values, kind),
    }


def _spread(values: pd.Series, kind: Kind) -> str:
    """Minimum, quartiles and maximum, or the most frequent levels."""
    if kind == "category":
        shares = values.value_counts(normalize=True).head(_LEVELS_SHOWN)
        return ", ".join(f"{level} {share:.0%}" for level, share in shares.items())
    points = np.nanquantile(as_number(values), _QUANTILES)
    if kind == "date":
        days = np.datetime64("1970-01-01") + np.floor(points).astype("timedelta64[D]")
        return " · ".join(map(str, days))
    return " · ".join(f"{point:.6g}" for point in points)


def uses(config: RunConfig, table: Table) -> list[dict[str, str]]:
    """What each column may be used for, and why not; forbidden ones were not even read."""
    return list(_uses(config, table))


def _uses(config: RunConfig, table: Table) -> Iterator[dict[str, str]]:
    for name, role in table.roles.items():
        use = role
        if name in table.features:
            use = "feature"
        yield {"column": name, "use": use, "reason": config.column(name).reason}
    for name, column in config.columns.items():
        if column.use == "forbidden":
            yield {"column": name, "use": "forbidden", "reason": column.reason}
