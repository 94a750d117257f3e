"""The one table that a run learns from: rows, the role of each column, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

Role = Literal[
    "feature",
    "target",
    "event_date",
    "group",
    "key",
    "treatment",
    "propensity",
    "value",
    "audit-only",
]
Kind = Literal["number", "flag", "category", "date"]
TaskType = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Check:
    """One promise of a data sheet against the data.

    Attributes:
        what: such as ``completeness of age``.
        declared: the promise in words; empty when there is none.
        measured: what the data say.
        passed: None when nothing was promised.
    """

    what: str
    declared: str
    measured: str
    passed: bool | None


@dataclass(frozen=True)
class DataSheet:
    """A source as it is declared, and as it was found.

    Attributes:
        source: its name in the configuration.
        kind: csv, parquet, sql, sklearn or simulator.
        location: path, URL without password, or data set.
        declared: the `sheet` of the configuration, JSON values.
        rows, columns: as read.
        completeness: share of filled cells for each column.
        newest: ISO date of the newest row, or None.
        checks: freshness, completeness, cleanliness, cost, bias.
        digest: SHA-256 of the rows as read.
    """

    source: str
    kind: str
    location: str
    declared: Mapping[str, Any]
    rows: int
    columns: tuple[str, ...]
    completeness: Mapping[str, float]
    newest: str | None
    checks: tuple[Check, ...]
    digest: str


@dataclass(frozen=True)
class Table:
    """The sources joined, typed and given roles. Forbidden columns are not in it.

    Attributes:
        frame: every row that has an outcome, index 0..n-1, in time order if there is an event
            date. Numbers are float64, flags too (0 or 1), categories are objects of `str` with
            NaN for a missing one, dates are datetime64 in UTC without a zone.
        roles: of each column of `frame`. `event_date` is a feature as well, see `features`.
        kinds: of each feature and audit-only column.
        task: the kind of outcome, found out if the configuration says `auto`.
        target: the column of the outcome.
        classes: the outcomes, the positive one last; empty for regression.
        features: columns that a model may see, in the order of the data.
        sheets: one data sheet for each source.
        notes: sentences on what was done to the rows, such as rows left out without outcome.
        digest: SHA-256 of the rows and column names; equal data, equal digest.
    """

    frame: pd.DataFrame
    roles: Mapping[str, Role]
    kinds: Mapping[str, Kind]
    task: TaskType
    target: str
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    sheets: tuple[DataSheet, ...]
    notes: tuple[str, ...]
    digest: str

    @property
    def x(self) -> pd.DataFrame:
        """The features, [n_rows, n_features]; what `features.pipeline` is fitted on."""
        return self.frame[list(self.features)]

    @property
    def y(self) -> NDArray[Any]:
        """The outcome, [n_rows]: float64, or the position in `classes` as int64."""
        values = self.frame[self.target]
        if self.task == "regression":
            return np.asarray(values, dtype=np.float64)
        positions = {value: position for position, value in enumerate(self.classes)}
        return np.asarray([positions[value] for value in values], dtype=np.int64)

    def having(self, role: Role) -> tuple[str, ...]:
        """The columns of a role."""
        return tuple(name for name, its in self.roles.items() if its == role)
