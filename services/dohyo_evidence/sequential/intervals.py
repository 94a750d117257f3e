"""Confidence sequences for the average effect, for display: they explain, and never decide.

For x_i >= -k_i and any prediction m_i, both known before x_i, with c_i = k_i + m_i and l c_i < 1,
    exp( l sum (x_i - mu_i) - sum psi(l, c_i) (x_i - m_i)^2 ),
    psi(l, c) = (-log(1 - c l) - c l) / c^2,
is an e-process, where mu_i is the mean of x_i given the past (an empirical Bernstein inequality).
The average of such processes over fixed l is one as well; the sequence holds all values of the
running average of mu_i at which it is below 2/alpha. The l must not change with time: else the
sequence would be about a weighted average, and miss the plain one where means move. Basis: Howard,
Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences"
(AoS 2021); Waudby-Smith et al., arXiv 2210.10768, for weights without a bound known in advance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_evidence.sequential.arrays import log_mean_exp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_evidence.sequential.arrays import FloatArray

# From bold bets for few observations to cautious ones for millions.
_BETS: Final = 0.7 * 1.6 ** -np.arange(20.0)
_HALVINGS: Final = 40


class AverageSequence:
    """Lower and upper confidence sequence of a running average of means in [-1, 1].

    Attributes:
        alpha: both bounds hold at all times with probability 1 - alpha.
    """

    def __init__(self, alpha: float, shape: tuple[int, ...] = ()) -> None:
        self.alpha = alpha
        self.count: FloatArray = np.zeros(shape)
        self.total: FloatArray = np.zeros(shape)
        # For each side and bet: sum of psi (x - m)²; infinite where a bet was too bold once.
        self.spread: FloatArray = np.zeros((2, *shape, _BETS.size))

    @property
    def estimate(self) -> FloatArray:
        return np.asarray(self.total / np.maximum(self.count, 1.0))

    def fold(self, x: FloatArray, shortfall: FloatArray, excess: FloatArray) -> None:
        """Takes a batch in, of which nobody learns before its end.

        Args:
            x: observations, shape (..., n).
            shortfall: x >= -shortfall, known beforehand.
            excess: x <= excess, known beforehand.
        """
        guess = np.clip(self.estimate, -1.0, 1.0)[..., None]
        squares = ((x - guess) ** 2)[..., None]
        for side, (sign, bound) in enumerate(((1.0, shortfall), (-1.0, excess))):
            c = np.maximum(np.broadcast_to(bound, x.shape) + sign * guess, 1e-6)[..., None]
            stake = c * _BETS
            allowed = stake < 1.0
            psi = -np.log1p(-np.where(allowed, stake, 0.5)) - np.where(allowed, stake, 0.5)
            spread = np.where(allowed, psi / c**2 * squares, np.inf)
            self.spread[side] += spread.sum(axis=-2)
        self.count = self.count + x.shape[-1]
        self.total = self.total + x.sum(axis=-1)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """The lower and the upper bound now, within [-1, 1]."""
        lower = np.maximum(self.estimate - self._radius(0), -1.0)
        upper = np.minimum(self.estimate + self._radius(1), 1.0)
        return lower, upper

    def to_state(self) -> dict[str, Any]:
        spread = np.where(np.isfinite(self.spread), self.spread, -1.0)
        return {
            "count": float(self.count),
            "total": float(self.total),
            "spread": spread.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.count = np.array(state["count"], dtype=np.float64)
        self.total = np.array(state["total"], dtype=np.float64)
        spread = np.array(state["spread"], dtype=np.float64)
        self.spread = np.where(spread < 0, np.inf, spread)

    def _radius(self, side: int) -> FloatArray:
        """How far the average may lie from the estimate: where the e-process reaches 2/alpha."""
        low, high = np.zeros(self.count.shape), np.full(self.count.shape, 2.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            grown = _BETS * (self.count * middle)[..., None] - self.spread[side]
            with np.errstate(invalid="ignore"):
                reached = log_mean_exp(grown) >= np.log(2.0 / self.alpha)
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.asarray(high)
