"""Streams shared with other people's implementations of the same kind of test."""

from __future__ import annotations

import numpy as np
import pytest
import ville
from estimators.bandits import cs

from dohyo_evidence.sequential.comparison import MeanTest, WeightedTest, weighted_effect
from dohyo_evidence.sequential.intervals import AverageSequence

ALPHA = 0.05


@pytest.mark.parametrize(("mean", "null"), [(0.30, 0.25), (0.50, 0.40), (0.05, 0.03)])
def test_ville_and_we_reject_a_mean_after_about_as_many_observations(
    mean: float, null: float
) -> None:
    ours, theirs = [], []
    for seed in range(10):
        x = (np.random.default_rng(seed).random(6_000) < mean).astype(float)
        test = MeanTest(null, 0.0)
        path = np.concatenate([test.path(x[i : i + 10]) for i in range(0, x.size, 10)])
        ours.append(_first(path >= np.log(1 / ALPHA)))
        theirs.append(_ville(x, null))
    # Everybody bets in his own way: the same order, not the same number.
    assert np.median(ours) <= 1.5 * np.median(theirs)
    assert np.median(ours) >= np.median(theirs) / 4


def test_both_hold_the_mean_in_their_sequences() -> None:
    x = np.random.default_rng(3).beta(2, 5, 2_000)
    sequence = AverageSequence(ALPHA)
    for i in range(0, x.size, 10):
        sequence.fold(x[i : i + 10], np.zeros(10), np.ones(10))
    low, high = (float(bound) for bound in sequence.bounds())
    theirs = ville.EmpiricalBernsteinCS(alpha=ALPHA)
    lower, upper = theirs.fit(x).interval()[:2]
    assert low < 2 / 7 < high
    assert lower < 2 / 7 < upper
    assert high - low < 2.5 * (upper - lower)


def test_vw_estimators_and_we_agree_on_an_effect_from_weights() -> None:
    random = np.random.default_rng(4)
    share, count = 0.2, 8_000
    arm = (random.random(count) < share).astype(float)
    score = (random.random(count) < np.where(arm == 1, 0.7, 0.4)).astype(float)
    intervals = []
    for target in (1.0, 0.0):
        estimator = cs.Interval(rmin=0, rmax=1, empirical_r_bounds=False)
        for a, y in zip(arm.tolist(), score.tolist(), strict=True):
            p_log = share if a else 1 - share
            estimator.add_example(p_log, y, 1.0 if a == target else 0.0)
        intervals.append(estimator.get(alpha=ALPHA / 2))
    (low1, high1), (low0, high0) = intervals
    shares = np.full(count, share)
    effect = weighted_effect(score, arm, shares, (np.array([0.5]), np.array([0.5]))).mean()
    assert effect == pytest.approx(0.3, abs=0.05)
    assert low1 - high0 <= effect <= high1 - low0
    test = WeightedTest(0.0)
    for i in range(0, count, 20):
        test.fold(score[i : i + 20], arm[i : i + 20], shares[i : i + 20])
    # Where their intervals part, ours must have rejected "no better" as well.
    assert low1 > high0
    assert float(test.log_e) > np.log(1 / ALPHA)


def _ville(x: np.ndarray, null: float) -> float:
    test = ville.BettingTest(null, alternative="greater", alpha=ALPHA).fit(x)
    return float(test.stopping_time() or np.inf)


def _first(reached: np.ndarray) -> float:
    return float(reached.argmax()) if reached.any() else float("inf")
