"""Formulas that do not keep their promise here, so that one sees that the cases are hard.

Neither is shipped. Both are two-sided at level alpha, looked at after every request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import lambertw
from scipy.stats import norm

if TYPE_CHECKING:
    from benchmarks.evidence.streams import Chunk
    from dohyo_evidence.sequential.arrays import FloatArray

# What both ask for before they say anything, as their users do.
LEAST_PER_ARM = 100


class NaiveZ:
    """The pooled z-test of two proportions, as if one had looked only once."""

    limit: float

    def __init__(self, runs: int, alpha: float) -> None:
        self.runs = runs
        self.limit = float(norm.isf(alpha / 2))
        self.counts = np.zeros((runs, 2))
        self.hits = np.zeros((runs, 2))

    def path(self, chunk: Chunk) -> FloatArray:
        arms = np.stack([1.0 - chunk.challenger, chunk.challenger], axis=-1)
        counts = self.counts[:, None] + np.cumsum(arms, axis=1)
        hits = self.hits[:, None] + np.cumsum(arms * chunk.hit[..., None], axis=1)
        self.counts, self.hits = counts[:, -1], hits[:, -1]
        pooled = hits.sum(axis=-1) / counts.sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = hits / counts
            spread = np.sqrt(pooled * (1 - pooled) * (1 / counts).sum(axis=-1))
            z = np.abs(rates[..., 1] - rates[..., 0]) / spread
        enough = counts.min(axis=-1) >= LEAST_PER_ARM
        return np.where(enough & (spread > 0), z, 0.0)


class Asymptotic:
    """An asymptotic confidence sequence for the mean of inverse-propensity weighted effects.

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (AoS 2024), tuned for `best_at` requests: half
    its width is s sqrt(2 (t r² + 1) / (t² r²) log(sqrt(t r² + 1) / alpha)).
    """

    limit = 1.0

    def __init__(self, runs: int, alpha: float, best_at: float = 5_000) -> None:
        self.runs = runs
        self.alpha = alpha
        self.rho2 = float((-lambertw(-(alpha**2) / np.e, -1).real - 1) / best_at)
        self.arms = np.zeros((runs, 2))
        self.count = 0
        self.sums = np.zeros((2, runs))

    def path(self, chunk: Chunk) -> FloatArray:
        weight = chunk.challenger / chunk.share - (1 - chunk.challenger) / (1 - chunk.share)
        x = weight * chunk.hit
        counts = self.count + np.arange(1, x.shape[1] + 1)
        total = self.sums[0][:, None] + np.cumsum(x, axis=1)
        squares = self.sums[1][:, None] + np.cumsum(x * x, axis=1)
        both = np.stack([1.0 - chunk.challenger, chunk.challenger], axis=-1)
        arms = self.arms[:, None] + np.cumsum(both, axis=1)
        self.count, self.sums, self.arms = (
            counts[-1],
            np.stack([total, squares])[..., -1],
            arms[:, -1],
        )
        mean = total / counts
        deviation = np.sqrt(np.maximum(squares / counts - mean**2, 1e-12))
        t = counts * self.rho2 + 1
        width = np.sqrt(2 * t / (counts**2 * self.rho2) * np.log(np.sqrt(t) / self.alpha))
        enough = arms.min(axis=-1) >= LEAST_PER_ARM
        return np.where(enough, np.abs(mean) / (deviation * width), 0.0)
