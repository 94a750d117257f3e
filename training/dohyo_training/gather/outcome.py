"""The column to predict: its kind, its classes, and the rows that have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pandas.api import types

from dohyo_training.complaint import DataComplaint
from dohyo_training.gather.values import number

if TYPE_CHECKING:
    import pandas as pd

    from dohyo_training.config import RunConfig
    from dohyo_training.table import TaskType

# More whole numbers than this are an amount, not classes.
_CLASSES_OF_NUMBERS: Final = 10
_MOST_CLASSES: Final = 100


@dataclass(frozen=True)
class Outcome:
    """The target of the rows that have one.

    Attributes:
        labels: one for each row kept, plain Python values of classes or float64.
        known: mask of the rows kept.
        task: kind of the outcome.
        classes: sorted, the positive one last; empty for regression.
    """

    labels: pd.Series
    known: pd.Series
    task: TaskType
    classes: tuple[Any, ...]


def outcome(config: RunConfig, raw: pd.Series) -> Outcome:
    """Looks at the target as it was read.

    Raises:
        DataComplaint: no value, one class only, too many or too rare classes, or a task that does
            not fit the values.
    """
    known = raw.notna()
    values = raw[known]
    name = config.task.target
    if values.empty:
        raise DataComplaint(f"target {name!r} has no value in any row")
    task = config.task.type if config.task.type != "auto" else _kind(values)
    if task == "regression":
        amounts = number(name, values)
        if amounts.nunique() < 2:
            raise DataComplaint(f"target {name!r} is {amounts.iloc[0]:g} in every row")
        return Outcome(amounts, known, "regression", ())
    plain = values.map(_plain).astype(object)
    classes = _classes(config, plain)
    if task == "binary" and len(classes) != 2:
        raise DataComplaint(
            f"target {name!r} has {len(classes)} outcomes, task.type binary needs 2; set "
            "`task.type: multiclass`"
        )
    return Outcome(plain, known, "binary" if len(classes) == 2 else "multiclass", classes)


def _kind(values: pd.Series) -> TaskType:
    if types.is_bool_dtype(values.dtype) or not types.is_numeric_dtype(values.dtype):
        return "multiclass"
    whole = bool((values == np.floor(values)).all())
    return "multiclass" if whole and values.nunique() <= _CLASSES_OF_NUMBERS else "regression"


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def _classes(config: RunConfig, values: pd.Series) -> tuple[Any, ...]:
    name, positive = config.task.target, config.task.positive
    counts = values.value_counts()
    if len(counts) == 1:
        raise DataComplaint(
            f"target {name!r} has one class only, {counts.index[0]!r}, in all {len(values)} rows; "
            "there is nothing to tell apart"
        )
    if len(counts) > _MOST_CLASSES:
        raise DataComplaint(
            f"target {name!r} has {len(counts)} classes, at most {_MOST_CLASSES} can be learned; "
            "is it a number written as text?"
        )
    if counts.min() < config.folds.k:
        raise DataComplaint(
            f"target {name!r}: class {counts.index[-1]!r} has {counts.min()} rows, fewer than "
            f"folds.k of {config.folds.k}; join rare classes, or lower folds.k"
        )
    classes = sorted(counts.index, key=lambda value: (str(type(value)), value))
    if positive is None:
        return tuple(classes)
    if positive not in classes:
        raise DataComplaint(
            f"task.positive {positive!r} is no outcome of {name!r}; it has "
            f"{', '.join(map(repr, classes))}"
        )
    return (*(value for value in classes if value != positive), positive)
