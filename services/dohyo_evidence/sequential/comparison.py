"""Two versions' bounded scores compared: by weights (F2), in pairs (F3), or with a fixed number.

Scores lie in [0, 1] and higher is better; a loss enters as 1 - loss/cap. An effect is the
challenger's mean score minus the champion's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_evidence.sequential.betting import Bets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_evidence.sequential.arrays import FloatArray

# How many observations the pooled mean counts for in an arm's own.
_POOLED: Final = 10.0


class ArmMeans:
    """Running means of both arms: what one expects of the next observation."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.counts: FloatArray = np.zeros((*shape, 2))
        self.sums: FloatArray = np.zeros((*shape, 2))

    def expected(self) -> tuple[FloatArray, FloatArray]:
        """Means of champion and challenger, drawn to the pooled one; leading axes plus (1,)."""
        pooled = (self.sums.sum(axis=-1) + 0.5) / (self.counts.sum(axis=-1) + 1.0)
        means = (self.sums + _POOLED * pooled[..., None]) / (self.counts + _POOLED)
        return means[..., 0:1], means[..., 1:2]

    def add(
        self, score: FloatArray, challenger: FloatArray, repeats: FloatArray | float = 1.0
    ) -> None:
        arms = (
            np.stack([1.0 - challenger, challenger], axis=-1)
            * np.asarray(np.broadcast_to(repeats, score.shape))[..., None]
        )
        self.counts = self.counts + arms.sum(axis=-2)
        self.sums = self.sums + (arms * score[..., None]).sum(axis=-2)


def weighted_effect(
    score: FloatArray,
    challenger: FloatArray,
    share: FloatArray,
    expected: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """An unbiased estimate of the effect from one unit of one arm.

    phi = f1 - f0 + A (Y - f1)/p - (1-A) (Y - f0)/(1-p), whatever f1 and f0 one expected.

    Args:
        score: Y, in [0, 1], more is better.
        challenger: A, 1 where the challenger served the unit and 0 where the champion did.
        share: p, the chance of the challenger when the unit was assigned, strictly within 0 and 1.
        expected: f0 and f1, what one expected of champion and challenger before seeing the score.

    Returns:
        Of the shape that all of them have.
    """
    f0, f1 = expected
    of_challenger = challenger * (score - f1) / share
    of_champion = (1.0 - challenger) * (score - f0) / (1.0 - share)
    return np.asarray(f1 - f0 + of_challenger - of_champion)


def largest_shortfall(share: FloatArray, expected: tuple[FloatArray, FloatArray]) -> FloatArray:
    """The largest value that -phi can take, given what was expected."""
    f0, f1 = expected
    return np.maximum(f0 + f1 * (1.0 - share) / share, f0 - f1 + (1.0 - f0) / (1.0 - share))


class WeightedTest:
    """F2: rejects "no unit's effect is above `null`", from split traffic of any known shares.

    With `worse` it bets on harm: the arms change places, and the null is "no unit is worse off by
    more than `null`". Shares may change with every unit if they are known when it is assigned.
    Basis: Karampatziakis, Mineiro & Ramdas, "Off-policy confidence sequences" (ICML 2021);
    Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro, "Anytime-valid off-policy inference for
    contextual bandits" (arXiv 2210.10768).
    """

    def __init__(self, null: float, *, worse: bool = False, shape: tuple[int, ...] = ()) -> None:
        self.null = null
        self.worse = worse
        self.bets = Bets(shape)
        self.means = ArmMeans(shape)

    @property
    def log_e(self) -> FloatArray:
        return self.bets.log_e

    def fold(
        self,
        score: FloatArray,
        challenger: FloatArray,
        share: FloatArray,
        repeats: FloatArray | float = 1.0,
    ) -> None:
        """Takes a batch in, of which nobody learns before its end.

        Args:
            score: in [0, 1], shape (..., n).
            challenger: 1.0 for units of the challenger, else 0.0.
            share: the challenger's share of the two arms when the unit was assigned.
            repeats: how many such units there were.
        """
        x, bound = self._bets_on(score, challenger, share)
        self.bets.absorb(self.bets.gain(x, bound, repeats))
        self.means.add(score, challenger, repeats)

    def path(self, score: FloatArray, challenger: FloatArray, share: FloatArray) -> FloatArray:
        """As `fold`, and returns the log e-value after each unit; shape (..., n)."""
        path = self.bets.path(*self._bets_on(score, challenger, share))
        self.means.add(score, challenger)
        return path

    def to_state(self) -> dict[str, Any]:
        return {
            "bets": self.bets.to_state(),
            "counts": self.means.counts.tolist(),
            "sums": self.means.sums.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.bets = Bets.from_state(state["bets"])
        self.means.counts = np.array(state["counts"], dtype=np.float64)
        self.means.sums = np.array(state["sums"], dtype=np.float64)

    def _bets_on(
        self, score: FloatArray, challenger: FloatArray, share: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        expected = self.means.expected()
        if self.worse:
            challenger, share, expected = 1.0 - challenger, 1.0 - share, expected[::-1]
        effect = weighted_effect(score, challenger, share, expected)
        return effect - self.null, largest_shortfall(share, expected) + self.null


class MeanTest:
    """Rejects "the mean is at most `null`" of observations that are never below `lowest`.

    F3, for shadow pairs: observations are the challenger's score minus the champion's on the same
    request, and lowest is -1. A cap on a rate: observations are 0 and 1, and lowest is 0. With
    `below` it rejects "the mean is at least `null`" of observations that are never above `lowest`.
    """

    def __init__(
        self, null: float, lowest: float, *, below: bool = False, shape: tuple[int, ...] = ()
    ) -> None:
        self.null = null
        self.sign = -1.0 if below else 1.0
        self.bound = self.sign * (null - lowest)
        if self.bound <= 0:
            raise ValueError(f"null {null} leaves no room beside {lowest}; nothing can reject it")
        self.bets = Bets(shape)

    @property
    def log_e(self) -> FloatArray:
        return self.bets.log_e

    def fold(self, values: FloatArray, repeats: FloatArray | float = 1.0) -> None:
        """Takes a batch in, of which nobody learns before its end; shape (..., n)."""
        x = self.sign * (values - self.null)
        self.bets.absorb(self.bets.gain(x, np.asarray(self.bound), repeats))

    def path(self, values: FloatArray) -> FloatArray:
        """As `fold`, and returns the log e-value after each observation; shape (..., n)."""
        return self.bets.path(self.sign * (values - self.null), np.asarray(self.bound))

    def to_state(self) -> dict[str, Any]:
        return {"bets": self.bets.to_state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.bets = Bets.from_state(state["bets"])


def paired_rate_test(ratio: float, *, below: bool = False, shape: tuple[int, ...] = ()) -> MeanTest:
    """For 0/1 events of shadow pairs: rejects "challenger's rate <= ratio x champion's".

    Its observations are `paired_excess`. With `below` it rejects ">=".
    """
    return MeanTest(0.0, 1.0 if below else -ratio, below=below, shape=shape)


def paired_excess(champion: FloatArray, challenger: FloatArray, ratio: float) -> FloatArray:
    """The challenger's event minus `ratio` times the champion's, for each pair."""
    return challenger - ratio * champion
