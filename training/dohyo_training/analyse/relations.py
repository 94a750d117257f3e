"""How strongly columns go together, whatever their kinds: 0 not at all, 1 fully."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_training.table import Kind

_BINS: Final = 10


def as_number(values: pd.Series) -> NDArray[np.float64]:
    """Numbers as they are, dates as days; missing ones as NaN."""
    if values.dtype.kind == "M":
        days = values.astype("int64").to_numpy() / 86_400e9
        return np.where(values.isna().to_numpy(), np.nan, days)
    return np.asarray(values, dtype=np.float64)


def bins(values: pd.Series, kind: Kind) -> tuple[NDArray[np.int64], int]:
    """The bin of each row and the number of bins: levels, or tenths; missing is the last one."""
    if kind == "category":
        codes, levels = pd.factorize(values)
        return np.where(codes < 0, len(levels), codes).astype(np.int64), len(levels) + 1
    numbers = as_number(values)
    if np.isnan(numbers).all():
        return np.zeros(len(numbers), dtype=np.int64), 1
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers))
    return codes.astype(np.int64), len(edges) + 2


def association(left: pd.Series, right: pd.Series, kinds: tuple[Kind, Kind]) -> tuple[str, float]:
    """The measure that fits two kinds, over rows where both are filled, and its value.

    Spearman for numbers and dates (with its sign), Cramér's V corrected for chance for
    categories, and the correlation ratio of ranks for one of each.
    """
    both = left.notna() & right.notna()
    left, right = left[both], right[both]
    words = tuple(kind == "category" for kind in kinds)
    if len(left) < 3:
        return "none", 0.0
    if all(words):
        return "Cramér's V", cramers_v(left, right)
    if any(words):
        level, amount = (left, right) if words[0] else (right, left)
        return "correlation ratio", correlation_ratio(level, as_number(amount))
    return "Spearman", spearman(as_number(left), as_number(right))


def spearman(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Correlation of ranks; 0 when one side does not vary."""
    ranks = [pd.Series(side).rank().to_numpy() for side in (left, right)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def cramers_v(left: pd.Series, right: pd.Series) -> float:
    """Cramér's V less what chance alone gives (Bergsma 2013)."""
    counts = pd.crosstab(left, right).to_numpy(dtype=np.float64)
    n, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2 or n < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    rows_, columns_ = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows_, columns_) - 1
    return float(np.sqrt(min(1.0, phi / smaller))) if smaller > 0 else 0.0


def correlation_ratio(level: pd.Series, amount: NDArray[np.float64]) -> float:
    """Square root of the share of the ranks' variance that the levels explain, less chance."""
    ranks = pd.Series(amount).rank()
    groups = ranks.groupby(level.to_numpy())
    whole = float(((ranks - ranks.mean()) ** 2).sum())
    n, k = len(ranks), groups.ngroups
    if whole == 0 or k < 2 or n <= k:
        return 0.0
    within = float(((ranks - groups.transform("mean")) ** 2).sum())
    explained = 1 - (within / (n - k)) / (whole / (n - 1))
    return float(np.sqrt(max(0.0, explained)))


def pairs(
    frame: pd.DataFrame, kinds: Mapping[str, Kind], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """The association of each pair of columns, the strongest first."""
    found = []
    for place, left in enumerate(columns):
        for right in columns[place + 1 :]:
            measure, value = association(frame[left], frame[right], (kinds[left], kinds[right]))
            found.append(
                {"left": left, "right": right, "measure": measure, "value": round(value, 4)}
            )
    return sorted(found, key=lambda one: -abs(one["value"]))
