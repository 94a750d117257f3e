"""How the outcome and the features move over time and between segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dohyo_training.analyse.relations import bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dohyo_training.table import Kind, Table

_PERIODS: Final = {"day": ("D", 45), "week": ("W", 400), "month": ("M", 3000), "year": ("Y", 0)}
_LATE_SHARE: Final = 0.25
_LEVELS: Final = 30
_FLOOR: Final = 1e-4


def outcome(table: Table) -> NDArray[np.float64]:
    """The outcome as numbers to average: the amount, or 1 for the positive (or last) class."""
    if table.task == "multiclass":
        return np.asarray(table.y == len(table.classes) - 1, dtype=np.float64)
    return np.asarray(table.y, dtype=np.float64)


def averaged(table: Table) -> str:
    """What the mean of `outcome` is."""
    if table.task == "regression":
        return f"mean of {table.target}"
    return f"share of {table.target} = {table.classes[-1]}"


def over_time(table: Table) -> list[dict[str, Any]]:
    """Rows and mean outcome of each day, week, month or year; empty without an event date."""
    dates = table.having("event_date")
    if not dates:
        return []
    when = table.frame[dates[0]]
    span = (when.max() - when.min()).days
    unit = next(u for u, (_, longest) in _PERIODS.items() if span <= longest or longest == 0)
    groups = pd.Series(outcome(table)).groupby(when.dt.to_period(_PERIODS[unit][0]).to_numpy())
    return [
        {
            "from": period.start_time.date().isoformat(),
            "unit": unit,
            "rows": len(values),
            "mean": round(float(values.mean()), 6),
        }
        for period, values in groups
    ]


def segments(table: Table) -> list[dict[str, Any]]:
    """Rows and mean outcome of each level of each category that has few."""
    found = []
    y = pd.Series(outcome(table))
    for name, kind in table.kinds.items():
        if kind != "category" or table.frame[name].nunique() > _LEVELS:
            continue
        for level, values in y.groupby(table.frame[name].fillna("(missing)").to_numpy()):
            error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
            found.append(
                {
                    "column": name,
                    "level": str(level),
                    "rows": len(values),
                    "mean": round(float(values.mean()), 6),
                    "standard_error": round(error, 6),
                }
            )
    return found


def movements(table: Table) -> list[dict[str, Any]]:
    """How far each feature moved between the first three quarters of the time and the last.

    The population stability index, with the mean that it has when nothing moved; the strongest
    first. Empty without an event date.
    """
    dates = table.having("event_date")
    if not dates:
        return []
    cut = int(len(table.frame) * (1 - _LATE_SHARE))
    found = []
    for name in table.features:
        if table.kinds[name] == "date":
            continue
        early, late = _counts(table.frame[name], table.kinds[name], cut)
        index = stability_index(early, late)
        nothing = float((len(early) - 1) * (1 / max(1, early.sum()) + 1 / max(1, late.sum())))
        found.append({"column": name, "psi": round(index, 5), "when_still": round(nothing, 5)})
    return sorted(found, key=lambda one: -one["psi"])


def stability_index(early: NDArray[np.float64], late: NDArray[np.float64]) -> float:
    """Population stability index of two sets of counts over the same bins."""
    p, q = (np.maximum(counts / max(1.0, counts.sum()), _FLOOR) for counts in (early, late))
    return float(np.sum((q - p) * np.log(q / p)))


def _counts(
    values: pd.Series, kind: Kind, cut: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts before and after the cut, missing values in a bin of their own."""
    if kind == "category":
        levels = values.value_counts().index[:_LEVELS]
        codes = levels.get_indexer(values)
        codes = np.where(values.isna(), len(levels) + 1, np.where(codes < 0, len(levels), codes))
        size = len(levels) + 2
    else:
        codes, size = bins(values, kind)
    halves = (codes[:cut], codes[cut:])
    early, late = (np.bincount(half, minlength=size).astype(np.float64) for half in halves)
    used = (early + late) > 0
    return early[used], late[used]
