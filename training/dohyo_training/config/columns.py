"""What each column means and may be used for, and how it becomes numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dohyo_training.config.base import ColumnName, Level, Section, Share

DatePart = Literal["year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour"]


class Column(Section):
    """One column of the table. What is not said is found out from the training rows."""

    use: Literal["feature", "audit-only", "forbidden"] = "feature"
    """`audit-only`: for fairness and slices, never a feature. `forbidden`: not even read."""
    reason: str = ""
    """Why it may not be used: a law, a contract, a missing consent. Required unless a feature."""
    known: Literal["before", "after"] = "before"
    """`after`: known only when the outcome is; used as a feature it stops the run."""
    kind: Literal["auto", "number", "category", "date"] = "auto"
    description: str = ""
    unit: str = ""
    min: float | None = None
    """Hard bound: lower values stop the run, and are refused in requests."""
    max: float | None = None
    """Hard bound: higher values stop the run, and are refused in requests."""
    missing: Literal["auto", "median", "mean", "most-frequent", "constant", "refuse"] = "auto"
    """What stands for a missing value; `auto`: median of numbers, a level of its own for
    categories. `refuse`: a missing value is an error."""
    fill: Level | None = None
    """The value for `missing: constant`."""
    indicator: bool = True
    """Whether a missing number gets a column that says so."""
    encoding: Literal["auto", "one-hot", "ordinal", "target"] = "auto"
    """Of categories; `auto`: one-hot up to `features.one_hot_levels`, else by target."""
    order: tuple[Level, ...] = ()
    """The levels of `encoding: ordinal`, the lowest first."""
    unknown: Literal["other", "reject"] = "other"
    """What a request with a level never seen in training gets."""
    normalise: tuple[Literal["strip", "lower"], ...] = ("strip",)
    """What is done to text before it is compared with the levels."""
    time_zone: str = "UTC"
    """Of dates without one; all are turned to UTC."""
    parts: tuple[DatePart, ...] | None = None
    """Calendar parts of a date; absent: those of `features.date_parts`."""


class Derived(Section):
    """A column of our own, made from others row by row. Exactly one recipe."""

    name: ColumnName
    ratio: tuple[ColumnName, ColumnName] | None = None
    """First over second; missing where the second is 0."""
    difference: tuple[ColumnName, ColumnName] | None = None
    product: tuple[ColumnName, ColumnName] | None = None
    days: tuple[ColumnName, ColumnName] | None = None
    """Days from the second date to the first."""
    log1p: ColumnName | None = None
    """Natural logarithm of 1 + x; missing below 0."""
    why: str = ""
    """What the column is thought to say."""


class Features(Section):
    """How columns become numbers, where a column says nothing of its own."""

    unlisted: Literal["feature", "forbidden"] = "feature"
    """What columns are that stand nowhere in `columns`."""
    unknown_fields: Literal["reject", "ignore"] = "reject"
    """What a request gets that holds fields which this version does not use; `ignore` where
    versions with different features answer the same requests."""
    one_hot_levels: Annotated[int, Field(ge=2, le=1000)] = 30
    """More levels than this are encoded by target (`auto`)."""
    min_frequency: Annotated[int, Field(ge=1)] = 10
    """Levels with fewer training rows share one column."""
    date_parts: tuple[DatePart, ...] = ("month", "weekday")
    date_differences: Literal["all", "none"] = "all"
    """Whether each pair of dates gives a column of days."""
    derived: tuple[Derived, ...] = ()


class Selection(Section):
    """How columns are dropped, judged inside the folds against keeping all."""

    method: Literal["auto", "none", "l1", "rfecv"] = "auto"
    """`auto`: constants and near copies, then `l1`, kept only if not worse than all columns."""
    correlation: Share = 0.95
    """Of two numbers more correlated than this (Spearman), the later one is dropped."""
    keep: tuple[ColumnName, ...] = ()
    """Never dropped."""


class Analysis(Section):
    """When the run stops for what the data say."""

    leak_score: Annotated[float, Field(gt=0.5, le=1)] = 0.98
    """A feature that alone predicts the outcome better than this (ROC-AUC, or |Spearman| for
    numbers) is a leak."""
    identifier_share: Share = 0.98
    """A text or whole-number column with more distinct values per row than this names rows."""
    accepted: dict[ColumnName, str] = Field(default_factory=dict)
    """Columns that were looked at and are no leaks, with the reason."""
    rows: Annotated[int, Field(ge=100)] = 20_000
    """The relations and the table report look at so many rows at most."""
    table_report: bool = True
    """Whether the report holds a browsable table of all columns."""
