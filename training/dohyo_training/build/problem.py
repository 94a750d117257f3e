"""What a model is to learn, in the form that every algorithm takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training.assess.value import CellValues
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.config import RunConfig
    from dohyo_training.config.building import Training
    from dohyo_training.config.worth import Value
    from dohyo_training.table import Table, TaskType


@dataclass(frozen=True)
class Problem:
    """Rows with their outcomes.

    Attributes:
        kind: binary, multiclass or regression.
        rows: the features as they came, [n_rows].
        target: the place of each outcome in `classes`, or the number itself, [n_rows].
        classes: of a classification, the positive one of two last; empty for a regression.
        cells: what decisions are worth, for two classes.
        matrix: value by true and predicted class, [n_classes, n_classes], for several.
        costs: of each unit too low and too high, for a regression.
        groups: who each row is about, [n_rows], or None.
    """

    kind: TaskType
    rows: pd.DataFrame
    target: NDArray[np.float64] | NDArray[np.intp]
    classes: tuple[Any, ...]
    cells: CellValues | None = None
    matrix: NDArray[np.float64] | None = None
    costs: tuple[float, float] | None = None
    groups: NDArray[np.generic] | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def is_classification(self) -> bool:
        return self.kind != "regression"

    @property
    def has_value(self) -> bool:
        """Whether the configuration says what decisions are worth."""
        return not (self.cells is None and self.matrix is None and self.costs is None)

    def at(self, places: NDArray[np.intp]) -> Problem:
        """Some of the rows, in the given order."""
        return replace(
            self,
            rows=self.rows.iloc[places],
            target=self.target[places],
            cells=None if self.cells is None else self.cells.of_rows(places),
            groups=None if self.groups is None else self.groups[places],
        )


def of_table(config: RunConfig, table: Table) -> Problem:
    """The problem that a table poses.

    Raises:
        Complaint: a value of the configuration does not fit the table.
    """
    groups = table.having("group")
    problem = Problem(
        kind=table.task,
        rows=table.x,
        target=table.y,
        classes=table.classes,
        groups=table.frame[groups[0]].to_numpy() if groups else None,
    )
    if config.value is None:
        return problem
    if table.task == "regression":
        return replace(problem, costs=(config.value.under, config.value.over))
    if table.task == "multiclass":
        return replace(problem, matrix=_matrix(config.value, table.classes))
    return replace(problem, cells=_cells(config.value, table))


def _cells(value: Value, table: Table) -> CellValues:
    def amounts(given: float | str) -> float | NDArray[np.float64]:
        if not isinstance(given, str):
            return float(given)
        column = table.frame[given].to_numpy(np.float64)
        if np.isnan(column).any():
            raise Complaint(
                f"value: column {given!r} misses {int(np.isnan(column).sum())} amounts; "
                "fill them at the source, or give a number"
            )
        return np.asarray(column)

    return CellValues(
        amounts(value.true_positive),
        amounts(value.false_positive),
        amounts(value.false_negative),
        amounts(value.true_negative),
    )


def _matrix(value: Value, classes: tuple[Any, ...]) -> NDArray[np.float64] | None:
    if not value.matrix:
        return None
    names = [str(name) for name in classes]
    strange = {*value.matrix, *(to for row in value.matrix.values() for to in row)} - set(names)
    if strange:
        raise Complaint(
            f"value.matrix: {min(strange)!r} is no outcome; there are {', '.join(names)}"
        )
    rows = [[value.matrix.get(true, {}).get(to, 0.0) for to in names] for true in names]
    return np.array(rows, dtype=np.float64)


def weights_of_rows(problem: Problem, training: Training) -> NDArray[np.float64] | None:
    """The weight of each row by its class, [n_rows]; None where all weigh the same."""
    if training.class_weight == "none" or not problem.is_classification:
        return None
    if training.class_weight == "balanced":
        counts = np.bincount(problem.target.astype(np.intp), minlength=len(problem.classes))
        by_class = len(problem) / (len(problem.classes) * np.maximum(counts, 1))
    else:
        given = training.class_weight
        by_class = np.array([given.get(str(name), 1.0) for name in problem.classes])
    return np.asarray(by_class[problem.target.astype(np.intp)], dtype=np.float64)
