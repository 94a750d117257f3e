"""What is to be learned."""

from __future__ import annotations

from typing import Literal

from dohyo_training.config.base import ColumnName, Level, Section, Share


class Treatment(Section):
    """An action that was taken for some rows, whose effect on the outcome is to be estimated."""

    column: ColumnName
    """Says whether the row was treated; never a feature."""
    treated: Level = 1
    """The value that says so."""
    propensity: ColumnName | Share | None = None
    """The probability of the treatment: a column, one number, or absent when unknown."""
    randomised: bool = False
    """Whether chance alone decided on the treatment, given the propensity."""
    value: float = 0.0
    """What one more good outcome is worth, in the currency of `value`."""
    cost: float = 0.0
    """What one treatment costs."""


class Task(Section):
    """The outcome, and the roles of the columns around it."""

    target: ColumnName
    """The column to predict."""
    type: Literal["auto", "binary", "multiclass", "regression"] = "auto"
    """Kind of the outcome; `auto` decides by its values."""
    positive: Level | None = None
    """The outcome that a probability speaks of; absent: the last of the two in sorted order."""
    event_date: ColumnName | None = None
    """When the outcome was observed; folds are then cut by time, and later dates are leaks.
    It is a feature by itself (differences, weekday) unless `columns` says `audit-only`."""
    group: ColumnName | None = None
    """Rows of the same value, such as one customer, stay in the same fold; never a feature."""
    key: tuple[ColumnName, ...] = ()
    """Columns that together name a row; two rows of one key are an error. Never features."""
    treatment: Treatment | None = None
    purpose: str = ""
    """What the predictions are for; stands in the model card."""
