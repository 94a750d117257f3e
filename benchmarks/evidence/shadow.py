"""Shadow pairs: both versions answered the same request, so its difficulty cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.deciders import NEVER
from benchmarks.evidence.rows import LIMIT
from dohyo_evidence.sequential.comparison import MeanTest, paired_excess, paired_rate_test

if TYPE_CHECKING:
    from dohyo_evidence.sequential.arrays import FloatArray

CHUNK = 20
CHAMPION_ACCURACY = 0.90
# Of the challenger's errors, these are also the champion's.
SHARED = 0.65


def quality(accuracy: float, pairs: int, runs: int, seed: int, null: float = 0.0) -> FloatArray:
    """How many labelled pairs each run takes to call the challenger better by more than `null`."""
    both_wrong = SHARED * (1.0 - accuracy)
    worse = (1.0 - accuracy) - both_wrong
    better = (1.0 - CHAMPION_ACCURACY) - both_wrong
    random = np.random.default_rng(seed)
    test = MeanTest(null, -1.0, shape=(runs,))
    times = np.full(runs, NEVER)
    for first in range(0, pairs, CHUNK):
        u = random.random((runs, CHUNK))
        difference = np.where(u < worse, -1.0, np.where(u < worse + better, 1.0, 0.0))
        _note(times, test.path(difference), first)
    return times


def rates(rate: tuple[float, float], ratio: float, pairs: int, runs: int, seed: int) -> FloatArray:
    """How many pairs each run takes to call the challenger's rate above `ratio` times its rival's.

    Rates are the champion's and the challenger's; half of the smaller one are events of both.
    """
    champion, challenger = rate
    together = 0.5 * min(champion, challenger)
    random = np.random.default_rng(seed)
    test = paired_rate_test(ratio, shape=(runs,))
    times = np.full(runs, NEVER)
    for first in range(0, pairs, CHUNK):
        u = random.random((runs, CHUNK))
        mine = (u < challenger).astype(np.float64)
        theirs = ((u < together) | (u > 1.0 - (champion - together))).astype(np.float64)
        _note(times, test.path(paired_excess(theirs, mine, ratio)), first)
    return times


def _note(times: FloatArray, path: FloatArray, first: int) -> None:
    reached = path >= LIMIT
    now = reached.any(axis=1) & np.isinf(times)
    times[now] = first + 1 + reached[now].argmax(axis=1)
