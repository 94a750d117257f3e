"""Columns of numbers made row by row: parts of dates, days between them, simple arithmetic.

The one transformer of ours; it learns nothing, so that the serving form can say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# What is made, and from which columns: ("weekday", "signup_date"), ("days", "survey", "signup").
Recipe = tuple[str, ...]

_DAY_NS: Final = 86_400_000_000_000

_PARTS: Final[dict[str, Callable[[Any], Any]]] = {
    "year": lambda dates: dates.year,
    "quarter": lambda dates: dates.quarter,
    "month": lambda dates: dates.month,
    "week": lambda dates: dates.isocalendar().week,
    "day": lambda dates: dates.day,
    "day_of_year": lambda dates: dates.day_of_year,
    "weekday": lambda dates: dates.day_of_week,
    "hour": lambda dates: dates.hour,
}


class RowFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Makes one float64 column for each recipe; missing where an ingredient is missing.

    Recipes are `(part, date)` with the parts of `config.DatePart` (weekday: 0 is Monday),
    `(days, later, earlier)`, `(ratio, x, y)` (missing where y is 0), `(difference, x, y)`,
    `(product, x, y)` and `(log1p, x)` (missing below 0).
    """

    def __init__(self, recipes: tuple[Recipe, ...] = (), names: tuple[str, ...] = ()) -> None:
        self.recipes = recipes
        self.names = names

    def fit(self, x: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's form
        """Notes the columns that it gets."""
        self.feature_names_in_ = np.asarray(x.columns, dtype=object)
        self.n_features_in_ = len(x.columns)
        return self

    def transform(self, x: pd.DataFrame) -> Numbers:
        """The columns, [n_rows, n_recipes]."""
        made = [_made(recipe, x) for recipe in self.recipes]
        return np.column_stack(made) if made else np.empty((len(x), 0))

    def get_feature_names_out(self, names: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """The name of each column."""
        return np.asarray(self.names, dtype=object)


def _made(recipe: Recipe, x: pd.DataFrame) -> Numbers:
    kind, *columns = recipe
    if kind in _PARTS:
        return _part(kind, x[columns[0]])
    if kind == "days":
        return _days(x[columns[0]], x[columns[1]])
    values = [np.asarray(x[column], dtype=np.float64) for column in columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "ratio":
            return np.where(values[1] == 0, np.nan, values[0] / values[1])
        if kind == "log1p":
            return np.where(values[0] < 0, np.nan, np.log1p(values[0]))
    made: Numbers = values[0] - values[1] if kind == "difference" else values[0] * values[1]
    return made


def _part(part: str, values: pd.Series) -> Numbers:
    dates = values.astype("datetime64[ns]").dt
    return np.asarray(
        _PARTS[part](dates).astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
    )


def _days(later: pd.Series, earlier: pd.Series) -> Numbers:
    """Days with their fraction: the difference in nanoseconds over those of a day."""
    span = later.astype("datetime64[ns]") - earlier.astype("datetime64[ns]")
    whole = span.astype("int64").to_numpy().astype(np.float64)
    return np.where(span.isna().to_numpy(), np.nan, whole / _DAY_NS)
