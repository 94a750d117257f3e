"""What the report draws of a model on rows that it has not seen.

Of a classifier confusion, ROC, precision and recall and calibration; of a regression its answers
beside the outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALIBRATION_BINS: Final = 10
# Points enough for the eye; a curve over a million rows must not make the report a gigabyte.
MOST_POINTS: Final = 400


@dataclass(frozen=True)
class Curve:
    """Points of a curve, [n_points] each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def thinned(self) -> Curve:
        if len(self.x) <= MOST_POINTS:
            return self
        kept = np.unique(np.linspace(0, len(self.x) - 1, MOST_POINTS).round().astype(int))
        return Curve(self.x[kept], self.y[kept])


@dataclass(frozen=True)
class Confusion:
    """Counts by true class (rows) and predicted class (columns), [n_classes, n_classes]."""

    classes: tuple[str, ...]
    counts: NDArray[np.intp]


def confusion(
    classes: NDArray[np.generic], true: NDArray[np.intp], predicted: NDArray[np.intp]
) -> Confusion:
    """Confusion of classes given by their place in `classes`."""
    counts = confusion_matrix(true, predicted, labels=np.arange(len(classes)))
    return Confusion(tuple(map(str, classes)), counts)


def roc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Curve:
    false_rate, true_rate, _ = roc_curve(positive, score)
    return Curve(false_rate, true_rate).thinned()


def precision_recall(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Curve:
    precision, recall, _ = precision_recall_curve(positive, score)
    return Curve(recall, precision).thinned()


def answers(outcome: NDArray[np.float64], predicted: NDArray[np.float64]) -> Curve:
    """Predicted and true numbers of rows, from the lowest to the highest prediction."""
    order = np.argsort(predicted, kind="stable")
    return Curve(predicted[order], outcome[order]).thinned()


@dataclass(frozen=True)
class Calibration:
    """Bins of equal size by predicted probability.

    Attributes:
        predicted, observed: mean probability and share of positives, [n_bins].
        rows: members, [n_bins].
        error: mean absolute difference, weighted by rows.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    rows: NDArray[np.intp]
    error: float


def calibration(
    positive: NDArray[np.bool_], probability: NDArray[np.float64], bins: int = CALIBRATION_BINS
) -> Calibration:
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    member = np.searchsorted(edges, probability, side="right")
    rows = np.bincount(member, minlength=len(edges) + 1)
    filled = rows > 0
    predicted = np.bincount(member, probability, len(edges) + 1)[filled] / rows[filled]
    observed = np.bincount(member, positive, len(edges) + 1)[filled] / rows[filled]
    error = float(np.average(np.abs(predicted - observed), weights=rows[filled]))
    return Calibration(predicted, observed, rows[filled], error)
