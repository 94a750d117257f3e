"""Equally good versions whose errors are confirmed at different speeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.deciders import NEVER
from benchmarks.evidence.rows import LIMIT
from dohyo_evidence.sequential.comparison import WeightedTest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dohyo_evidence.sequential.arrays import FloatArray

CHUNK = 20
PER_DAY = 500
ERRORS = 0.10
CHAMPION_DAYS = 1.5
CHALLENGER_DAYS = 3.0


@dataclass(frozen=True)
class Labels:
    """Predictions in the order they were made; shape (runs, predictions).

    Attributes:
        made, labelled: days since the start.
        challenger: 1.0 for its predictions.
        right: 1.0 where the prediction was right.
    """

    made: FloatArray
    labelled: FloatArray
    challenger: FloatArray
    right: FloatArray


def draw(runs: int, days: float, challenger_days: float, seed: int) -> Labels:
    random = np.random.default_rng(seed)
    shape = (runs, int(days * PER_DAY))
    made = np.broadcast_to(np.arange(shape[1]) / PER_DAY, shape)
    challenger = (random.random(shape) < 0.5).astype(np.float64)
    right = (random.random(shape) >= ERRORS).astype(np.float64)
    slow = (right == 0.0) & (challenger == 1.0)
    delay = random.exponential(1.0, shape) * np.where(slow, challenger_days, CHAMPION_DAYS)
    return Labels(made, made + delay, challenger, right)


def on_arrival(labels: Labels, days: float) -> FloatArray:
    """When each run calls the challenger better, if labels are scored as they come."""
    order = np.argsort(labels.labelled, axis=1)
    return _decide(labels, order, np.take_along_axis(labels.labelled, order, 1) <= days)


def behind_watermark(labels: Labels, days: float, watermark: float) -> FloatArray:
    """The same, if predictions are scored in their own order, once they are that old."""
    scored = (labels.labelled - labels.made <= watermark) & (labels.made + watermark <= days)
    order = np.argsort(~scored, axis=1, kind="stable")
    return _decide(labels, order, np.take_along_axis(scored.astype(np.float64), order, 1))


def _decide(labels: Labels, order: NDArray[Any], there: NDArray[Any]) -> FloatArray:
    count = int(there.astype(bool).sum(axis=1).min())
    right = np.take_along_axis(labels.right, order, 1)[:, :count]
    challenger = np.take_along_axis(labels.challenger, order, 1)[:, :count]
    runs = right.shape[0]
    test = WeightedTest(0.0, shape=(runs,))
    times = np.full(runs, NEVER)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        share = np.full(right[:, part].shape, 0.5)
        reached = test.path(right[:, part], challenger[:, part], share) >= LIMIT
        now = reached.any(axis=1) & np.isinf(times)
        times[now] = first + reached[now].argmax(axis=1)
    return times
