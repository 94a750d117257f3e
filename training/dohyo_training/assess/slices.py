"""For whom the model errs more: error by slice of the table, and fairness by declared group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dohyo_training.assess.intervals import Estimate, mean_of_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Below this a slice says more about chance than about the model.
FEWEST_ROWS: Final = 30
MOST_LEVELS: Final = 20
NUMERIC_BINS: Final = 4


@dataclass(frozen=True)
class Slice:
    """One part of the rows.

    Attributes:
        column, level: where its members are alike.
        rows: how many there are.
        loss: their mean loss.
        against_rest: mean loss less that of all other rows, unpaired.
    """

    column: str
    level: str
    rows: int
    loss: Estimate
    against_rest: Estimate

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "column": self.column,
            "level": self.level,
            "rows": self.rows,
            "loss": self.loss.as_record(),
            "against_rest": self.against_rest.as_record(),
        }


def by_slice(
    table: pd.DataFrame, loss: NDArray[np.float64], fewest: int = FEWEST_ROWS
) -> list[Slice]:
    """Every level of every column with enough rows, worst difference first."""
    found = [
        _slice(str(column), level, member, loss)
        for column in table.columns
        for level, member in _levels(table[column])
        if fewest <= int(member.sum()) <= len(loss) - fewest
    ]
    return sorted(found, key=lambda part: -part.against_rest.low)


def _slice(column: str, level: str, member: NDArray[np.bool_], loss: NDArray[np.float64]) -> Slice:
    inside, outside = loss[member], loss[~member]
    difference = float(inside.mean() - outside.mean())
    error = np.sqrt(inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside))
    reach = 1.96 * float(error)
    return Slice(
        column,
        level,
        int(member.sum()),
        mean_of_rows(inside),
        Estimate(difference, difference - reach, difference + reach, "Welch"),
    )


def _levels(column: pd.Series) -> list[tuple[str, NDArray[np.bool_]]]:
    missing = column.isna().to_numpy()
    levels = [("missing", missing)] if missing.any() else []
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.to_period("Q").astype("str").mask(missing)
    elif pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_LEVELS:
        column = pd.qcut(column, NUMERIC_BINS, duplicates="drop").astype("str").mask(missing)
    counts = column.value_counts()
    names = list(counts.index[:MOST_LEVELS])
    levels += [(str(name), (column == name).fillna(value=False).to_numpy(bool)) for name in names]
    return levels


@dataclass(frozen=True)
class GroupShare:
    """How one group fares under a classifier's decisions.

    Attributes:
        rows: its members.
        acted: share of them acted on.
        recall: share of its positives acted on (NaN without positives).
        false_alarms: share of its negatives acted on (NaN without negatives).
        precision: share of positives among those acted on (NaN where none was).
    """

    group: str
    rows: int
    acted: float
    recall: float
    false_alarms: float
    precision: float


@dataclass(frozen=True)
class Fairness:
    """Groups of one sensitive column, and the widest gaps between them."""

    column: str
    groups: tuple[GroupShare, ...]
    parity_gap: float
    recall_gap: float
    false_alarm_gap: float

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self), groups=[dict(vars(group)) for group in self.groups])


def fairness(
    column: pd.Series,
    positive: NDArray[np.bool_],
    act: NDArray[np.bool_],
    fewest: int = FEWEST_ROWS,
) -> Fairness | None:
    """Demographic parity and equalised odds of decisions; None if one group has all rows."""
    groups = tuple(
        _share(level, positive[member], act[member])
        for level, member in _levels(column)
        if int(member.sum()) >= fewest
    )
    if len(groups) < 2:
        return None
    return Fairness(
        str(column.name),
        groups,
        _gap([group.acted for group in groups]),
        _gap([group.recall for group in groups]),
        _gap([group.false_alarms for group in groups]),
    )


def _share(group: str, positive: NDArray[np.bool_], act: NDArray[np.bool_]) -> GroupShare:
    def mean(of: NDArray[np.bool_]) -> float:
        return float(of.mean()) if len(of) else float("nan")

    return GroupShare(
        group,
        len(act),
        mean(act),
        mean(act[positive]),
        mean(act[~positive]),
        mean(positive[act]),
    )


def _gap(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return max(known) - min(known) if known else float("nan")
