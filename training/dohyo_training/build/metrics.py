"""The metrics that a configuration can name, all on the output of a model.

The output of a classifier is the probability of each class, [n_rows, n_classes]; of a regression
the number itself, [n_rows].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn import metrics

from dohyo_training.assess import value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem

    Output = NDArray[np.float64]

# Of a probability in a logarithm: a model that was sure and wrong must not make the mean infinite.
LEAST_PROBABILITY: Final = 1e-15


@dataclass(frozen=True)
class Measure:
    """One metric.

    Attributes:
        name: as the configuration writes it.
        sign: 1 where greater is better, else -1; times the metric, greater is always better.
        of: the metric of an output on a problem's rows.
    """

    name: str
    sign: int
    of: Callable[[Problem, Output], float]


def _roc_auc(problem: Problem, output: Output) -> float:
    if problem.kind == "binary":
        return float(metrics.roc_auc_score(problem.target, output[:, 1]))
    labels = np.arange(len(problem.classes))
    return float(metrics.roc_auc_score(problem.target, output, multi_class="ovr", labels=labels))


def _log_loss(problem: Problem, output: Output) -> float:
    of_truth = output[np.arange(len(problem)), problem.target.astype(np.intp)]
    return float(-np.mean(np.log(np.clip(of_truth, LEAST_PROBABILITY, 1.0))))


def _brier(problem: Problem, output: Output) -> float:
    truth = np.eye(len(problem.classes))[problem.target.astype(np.intp)]
    total = np.sum((output - truth) ** 2, axis=1)
    return float(np.mean(total)) / (2 if problem.kind == "binary" else 1)


def _accuracy(problem: Problem, output: Output) -> float:
    return float(np.mean(output.argmax(axis=1) == problem.target))


def _balanced_accuracy(problem: Problem, output: Output) -> float:
    return float(metrics.balanced_accuracy_score(problem.target, output.argmax(axis=1)))


def _f1(problem: Problem, output: Output) -> float:
    average = "binary" if problem.kind == "binary" else "macro"
    predicted = output.argmax(axis=1)
    return float(metrics.f1_score(problem.target, predicted, average=average, zero_division=0))


def _mse(problem: Problem, output: Output) -> float:
    return float(np.mean((output - problem.target) ** 2))


def _rmse(problem: Problem, output: Output) -> float:
    return float(np.sqrt(_mse(problem, output)))


def _mae(problem: Problem, output: Output) -> float:
    return float(np.mean(np.abs(output - problem.target)))


def _r2(problem: Problem, output: Output) -> float:
    return float(metrics.r2_score(problem.target, output))


def value_of_rows(
    problem: Problem, output: Output, threshold: float | None = None
) -> NDArray[np.float64]:
    """The value of each row under the decisions that the output leads to, [n_rows].

    Without a threshold, each row is acted on where acting is expected to gain.
    """
    if problem.cells is not None:
        probability = output[:, 1]
        if threshold is None:
            act = value.expected_gain_of_acting(problem.cells, probability) > 0
        else:
            act = probability >= threshold
        return value.of_decisions(problem.cells, problem.target == 1, act)
    if problem.matrix is not None:
        decided = (output @ problem.matrix).argmax(axis=1)
        return np.asarray(problem.matrix[problem.target.astype(np.intp), decided])
    if problem.costs is None:
        raise ValueError("the problem says nothing about value")
    under, over = problem.costs
    error = output - problem.target
    return np.asarray(np.where(error < 0, error * under, -error * over), dtype=np.float64)


def _value(problem: Problem, output: Output) -> float:
    return float(np.mean(value_of_rows(problem, output)))


MEASURES: Final = {
    measure.name: measure
    for measure in (
        Measure("accuracy", 1, _accuracy),
        Measure("balanced_accuracy", 1, _balanced_accuracy),
        Measure("brier", -1, _brier),
        Measure("f1", 1, _f1),
        Measure("log_loss", -1, _log_loss),
        Measure("mae", -1, _mae),
        Measure("mse", -1, _mse),
        Measure("r2", 1, _r2),
        Measure("rmse", -1, _rmse),
        Measure("roc_auc", 1, _roc_auc),
        Measure("value", 1, _value),
    )
}
_OF_CLASSES: Final = ("roc_auc", "accuracy", "log_loss", "brier")
_OF_NUMBERS: Final = ("rmse", "mse", "mae", "r2")
DEFAULT_METRIC: Final = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def reported(problem: Problem, primary: str, more: tuple[str, ...] = ()) -> tuple[Measure, ...]:
    """The primary metric first, then those that always stand in the report, then asked ones."""
    always = _OF_CLASSES if problem.is_classification else _OF_NUMBERS
    extra = ("value",) if problem.has_value else ()
    return tuple(MEASURES[name] for name in dict.fromkeys((primary, *always, *extra, *more)))


def loss_of_rows(problem: Problem, output: Output) -> NDArray[np.float64]:
    """Log loss or squared error of each row, [n_rows]; for slices and paired differences."""
    if not problem.is_classification:
        return np.asarray((output - problem.target) ** 2, dtype=np.float64)
    of_truth = output[np.arange(len(problem)), problem.target.astype(np.intp)]
    return np.asarray(-np.log(np.clip(of_truth, LEAST_PROBABILITY, 1.0)), dtype=np.float64)
