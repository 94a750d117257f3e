"""Bets on a stream whose mean a null says is not above 0: the core of F2, F3 and the caps.

For observations x_i >= -b_i, with b_i known before x_i, the capital prod(1 + l_i x_i) is an
e-process for "the mean of x_i, given the past, is at most 0" if 0 <= l_i <= 1/b_i is chosen before
x_i is seen. The average of several bettors' capitals is one as well. Basis: Waudby-Smith & Ramdas,
"Estimating means of bounded random variables by betting" (JRSSB 2024, hedged capital).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dohyo_evidence.sequential.arrays import FloatArray, log_mean_exp
from dohyo_evidence.sequential.stakes import BOLDEST, CAPITAL, FRACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

# The adaptive bettor starts as if it had seen one observation as far off as the bound.
_DOUBT: Final = 1.0


@dataclass
class Gain:
    """What a batch adds to `Bets`; gains of replicas add, if they bet by the same `Bets`.

    Attributes:
        log_capital: shape (..., bettors).
        count, total, squares: sums of 1, x and x² over the batch.
    """

    log_capital: FloatArray
    count: FloatArray
    total: FloatArray
    squares: FloatArray

    def __add__(self, other: Gain) -> Gain:
        return Gain(
            self.log_capital + other.log_capital,
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
        )


class Bets:
    """The bettors' capitals, and the past that the adaptive one bets by.

    Fixed bettors stake the FRACTIONS of the largest bet; one more stakes what has paid best so far.

    Arrays may have leading axes, one entry for each independent stream; the last axis of
    observations is time. Within a batch nobody learns: bets follow from what was absorbed before.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        first = np.log(np.array(CAPITAL) / np.mean(CAPITAL))
        self.log_capital: FloatArray = np.broadcast_to(first, (*shape, first.size))
        self.count: FloatArray = np.zeros(shape)
        self.total: FloatArray = np.zeros(shape)
        self.squares: FloatArray = np.zeros(shape)

    @property
    def log_e(self) -> FloatArray:
        """Log of the e-value now; shape of the leading axes."""
        return log_mean_exp(self.log_capital)

    def steps(self, x: FloatArray, bound: FloatArray) -> FloatArray:
        """What each observation adds to each bettor's log-capital.

        Args:
            x: observations, shape (..., n).
            bound: x >= -bound, known beforehand; broadcast to the shape of x.

        Returns:
            Shape (..., n, bettors).
        """
        bound = np.broadcast_to(bound, x.shape)
        fixed = np.array(FRACTIONS) / bound[..., None]
        best = np.clip(self._best_bet(bound), 0.0, BOLDEST / bound)
        bets = np.concatenate([fixed, best[..., None]], axis=-1)
        return np.log1p(bets * x[..., None])

    def gain(self, x: FloatArray, bound: FloatArray, repeats: FloatArray | float = 1.0) -> Gain:
        """What a batch would add, observation i counted repeats[i] times; changes nothing."""
        repeats = np.broadcast_to(repeats, x.shape)
        steps = self.steps(x, bound) * repeats[..., None]
        return Gain(
            steps.sum(axis=-2),
            repeats.sum(axis=-1),
            (x * repeats).sum(axis=-1),
            (x * x * repeats).sum(axis=-1),
        )

    def absorb(self, gain: Gain) -> None:
        self.log_capital = self.log_capital + gain.log_capital
        self.count = self.count + gain.count
        self.total = self.total + gain.total
        self.squares = self.squares + gain.squares

    def path(self, x: FloatArray, bound: FloatArray) -> FloatArray:
        """Absorbs a batch and returns the log e-value after each observation; shape (..., n)."""
        steps = self.steps(x, bound)
        path = log_mean_exp(self.log_capital[..., None, :] + np.cumsum(steps, axis=-2))
        self.absorb(
            Gain(
                steps.sum(axis=-2),
                np.full(x.shape[:-1], float(x.shape[-1])),
                x.sum(axis=-1),
                (x * x).sum(axis=-1),
            )
        )
        return path

    def to_state(self) -> dict[str, list[float] | float]:
        """Of one stream (no leading axes), for JSON."""
        return {
            "logCapital": [float(c) for c in self.log_capital],
            "count": float(self.count),
            "total": float(self.total),
            "squares": float(self.squares),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, list[float] | float]) -> Bets:
        bets = cls()
        bets.log_capital = np.array(state["logCapital"], dtype=np.float64)
        bets.count = np.array(state["count"], dtype=np.float64)
        bets.total = np.array(state["total"], dtype=np.float64)
        bets.squares = np.array(state["squares"], dtype=np.float64)
        return bets

    def _best_bet(self, bound: FloatArray) -> FloatArray:
        """Mean / mean square: what would have grown fastest so far, to the second order."""
        squares = self.squares[..., None] + _DOUBT * bound * bound
        return np.asarray(self.total[..., None] / squares)
