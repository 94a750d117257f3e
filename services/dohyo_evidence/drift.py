"""Has an input moved away from its reference? From counts in bins that were frozen in training.

Counts of replicas add up. A feature is called drifted when the difference is significant (the
population stability index against its chi-square null, or Kolmogorov-Smirnov on the binned
distributions) and large: by chance alone small windows exceed any fixed index, and in large windows
the smallest difference is significant. Levels are split over the features by Bonferroni, and over
time by a spending schedule over closed, disjoint windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import chdtrc, kolmogorov

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo_evidence.sequential.arrays import FloatArray

# Below this many expected values a bin is joined with its neighbour: the null needs them.
LEAST_EXPECTED: Final = 10.0
# Values of a window below which nothing is tested.
LEAST_VALUES: Final = 200


@dataclass(frozen=True)
class Distance:
    """How far a window's counts are from the reference.

    Attributes:
        psi: population stability index.
        psi_p: probability of such an index without drift.
        ks: largest distance of the cumulative distributions.
        ks_p: probability of such a distance without drift.
        count: values in the window.
    """

    psi: float
    psi_p: float
    ks: float
    ks_p: float
    count: int

    @property
    def p(self) -> float:
        """Of both tests together (twice the smaller one, by Bonferroni)."""
        return min(1.0, 2.0 * min(self.psi_p, self.ks_p))


def psi_and_probability(counts: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The index, and the probability of such an index without drift.

    Without drift the index is about (1/N + 1/M) times a chi-square variable with one degree of
    freedom less than there are bins.

    Args:
        counts: of windows, bins on the last axis.
        reference: of the reference, the same bins.
    """
    bins = counts.shape[-1]
    n, m = counts.sum(axis=-1), reference.sum(axis=-1)
    # Half a value in every bin, so that an empty one does not make the index infinite.
    p = (counts + 0.5) / (n + 0.5 * bins)[..., None]
    q = (reference + 0.5) / (m + 0.5 * bins)[..., None]
    psi = ((p - q) * np.log(p / q)).sum(axis=-1)
    return psi, np.asarray(chdtrc(bins - 1, psi / (1.0 / n + 1.0 / m)))


def ks_and_probability(counts: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The largest distance of the cumulative shares at the bins' borders, and its probability.

    Distances between the borders stay unseen, so the probability is never too small.
    """
    n, m = counts.sum(axis=-1), reference.sum(axis=-1)
    shares = np.cumsum(counts, axis=-1) / n[..., None]
    expected = np.cumsum(reference, axis=-1) / m[..., None]
    distance = np.abs(shares - expected).max(axis=-1)
    return distance, np.asarray(kolmogorov(distance * np.sqrt(n * m / (n + m))))


def distance(counts: Sequence[int], reference: Sequence[int]) -> Distance | None:
    """How far one feature's window is from its reference; None when there are too few values.

    The last bin counts what was missing; it takes part in the index, and comes last in the order.
    """
    window = np.asarray(counts, dtype=np.float64)
    base = np.asarray(reference, dtype=np.float64)
    if window.sum() < LEAST_VALUES or base.sum() < LEAST_VALUES:
        return None
    window_joined, base_joined = _joined(window, base)
    psi, psi_p = psi_and_probability(window_joined, base_joined)
    ks, ks_p = ks_and_probability(window, base)
    return Distance(float(psi), float(psi_p), float(ks), float(ks_p), int(window.sum()))


def spent(alpha: float, window: int) -> float:
    """What the n-th closed window may spend of alpha: alpha / (n (n + 1)), in all alpha.

    Args:
        alpha: for the whole trial.
        window: from 1 on.
    """
    return alpha / (window * (window + 1))


def drifted(
    distances: Mapping[str, Distance], level: float, largest_psi: float
) -> dict[str, tuple[bool, bool]]:
    """Whether each feature's distance is significant, and whether it is large.

    Args:
        distances: of one window, by feature.
        level: what this window may spend over all its features.
        largest_psi: an index above it is large.
    """
    share = level / max(1, len(distances))
    return {name: (d.p <= share, d.psi > largest_psi) for name, d in distances.items()}


def _joined(window: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both counts with neighbouring bins joined until enough values are expected in each."""
    expected = base * min(1.0, window.sum() / base.sum())
    groups = np.zeros(base.size, dtype=np.int64)
    group, held = 0, 0.0
    for place, value in enumerate(expected):
        if held >= LEAST_EXPECTED:
            group, held = group + 1, 0.0
        groups[place] = group
        held += float(value)
    if held < LEAST_EXPECTED and group:
        groups[groups == group] = group - 1
    joined = np.zeros((2, int(groups.max()) + 1))
    np.add.at(joined[0], groups, window)
    np.add.at(joined[1], groups, base)
    return joined[0], joined[1]
