"""Metrics of one output with intervals, and paired differences between two, on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dohyo_training.assess import intervals
from dohyo_training.assess.intervals import (
    Estimate,
    by_bootstrap,
    mean_of_rows,
    share_of_rows,
)
from dohyo_training.build.metrics import MEASURES, value_of_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem

    Output = NDArray[np.float64]

# Metrics that are means over rows need no bootstrap.
_MEANS: Final = ("accuracy", "brier", "log_loss", "mae", "mse", "value")


def estimate(
    metric: str, problem: Problem, output: Output, threshold: float | None = None, seed: int = 0
) -> Estimate:
    """A metric with its 95 % interval.

    Args:
        metric: its name in `MEASURES`.
        problem: the rows.
        output: probabilities, [n_rows, n_classes], or values, [n_rows].
        threshold: from which on the positive class is called; None takes the likelier class.
        seed: of the bootstrap.
    """
    return _within_reason(metric, _estimate(metric, problem, output, threshold, seed))


def _estimate(
    metric: str, problem: Problem, output: Output, threshold: float | None, seed: int
) -> Estimate:
    if metric == "roc_auc" and problem.kind == "binary":
        return intervals.auc(problem.target == 1, output[:, 1])
    if metric == "accuracy":
        return share_of_rows(_rows(metric, problem, output, threshold), problem.groups)
    if metric in _MEANS:
        return mean_of_rows(_rows(metric, problem, output, threshold), problem.groups)
    measure = MEASURES[metric].of
    return by_bootstrap(lambda drawn: measure(problem.at(drawn), output[drawn]), len(problem), seed)


def _within_reason(metric: str, found: Estimate) -> Estimate:
    """Losses are not below 0; and where every row says the same, none says how far to trust it."""
    low = found.low if metric == "value" or MEASURES[metric].sign > 0 else max(0.0, found.low)
    method = found.method
    if found.low == found.high:
        method += "; no row differs, so it may be off by more"
    return Estimate(found.value, low, found.high, method)


def difference(
    metric: str,
    problem: Problem,
    challenger: tuple[Output, float | None],
    champion: tuple[Output, float | None],
    seed: int = 0,
) -> Estimate:
    """Challenger's metric less the champion's, paired; outputs come with their thresholds."""
    new, old = challenger[0], champion[0]
    if metric == "roc_auc" and problem.kind == "binary":
        return intervals.auc_difference(problem.target == 1, new[:, 1], old[:, 1])
    if metric in _MEANS:
        rows = _rows(metric, problem, *challenger) - _rows(metric, problem, *champion)
        return mean_of_rows(rows, problem.groups)
    measure = MEASURES[metric].of

    def of(drawn: NDArray[np.intp]) -> float:
        rows = problem.at(drawn)
        return measure(rows, new[drawn]) - measure(rows, old[drawn])

    return by_bootstrap(of, len(problem), seed)


def better(metric: str, found: Estimate) -> Estimate:
    """The same difference turned so that more is better."""
    if MEASURES[metric].sign > 0:
        return found
    # Not `-found.value`, which says "-0" of versions that are alike.
    return Estimate(0.0 - found.value, 0.0 - found.high, 0.0 - found.low, found.method)


def one_answer(learned: Problem, rows: int) -> Output:
    """What a model would put out that knows the outcomes alone and tells no row from another.

    Shares of the classes, or the number that costs least on the rows that it learned from.
    """
    if learned.kind != "regression":
        shares = np.bincount(learned.target.astype(np.intp), minlength=len(learned.classes))
        return np.tile(shares / len(learned), (rows, 1))
    under, over = learned.costs or (1.0, 1.0)
    level = under / (under + over) if under + over else 0.5
    return np.full(rows, np.quantile(learned.target, level))


def _rows(
    metric: str, problem: Problem, output: Output, threshold: float | None
) -> NDArray[np.float64]:
    """The metric of each single row, [n_rows]."""
    if metric == "value":
        return value_of_rows(problem, output, threshold)
    if metric == "mse":
        return np.asarray((output - problem.target) ** 2)
    if metric == "mae":
        return np.asarray(np.abs(output - problem.target))
    truth = problem.target.astype(np.intp)
    if metric == "accuracy":
        return np.asarray(decided(problem, output, threshold) == truth, dtype=np.float64)
    if metric == "brier":
        total = np.sum((output - np.eye(len(problem.classes))[truth]) ** 2, axis=1)
        return np.asarray(total / (2 if problem.kind == "binary" else 1))
    of_truth = output[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(of_truth, 1e-15, 1.0)))


def decided(problem: Problem, output: Output, threshold: float | None) -> NDArray[np.intp]:
    """The place of the class that each row is taken for, [n_rows]."""
    if problem.kind == "binary" and threshold is not None:
        return (output[:, 1] >= threshold).astype(np.intp)
    return np.asarray(output.argmax(axis=1), dtype=np.intp)
