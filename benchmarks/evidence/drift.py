"""The drift tests on windows of a standard normal feature in bins of equal reference share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from dohyo_evidence.drift import ks_and_probability, psi_and_probability

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from dohyo_evidence.sequential.arrays import FloatArray

LEVEL = 0.01
REFERENCE = 100_000


def nothing(values: FloatArray, _: Generator) -> FloatArray:
    return values


def mean_by(amount: float) -> Callable[[FloatArray, Generator], FloatArray]:
    return lambda values, _: values + amount


def wider(values: FloatArray, _: Generator) -> FloatArray:
    return 1.2 * values


def outliers(values: FloatArray, random: Generator) -> FloatArray:
    """Five percent far outside."""
    return np.where(random.random(values.shape) < 0.05, 6.0, values)


def alarms(
    shift: Callable[[FloatArray, Generator], FloatArray],
    bins: int,
    count: int,
    runs: int,
    seed: int,
) -> tuple[float, float]:
    """The share of windows that PSI and KS call drifted at LEVEL."""
    random = np.random.default_rng(seed)
    edges = norm.ppf(np.arange(1, bins) / bins)
    values = shift(random.standard_normal((runs, count)), random)
    counts = np.zeros((runs, bins))
    np.add.at(counts, (np.arange(runs)[:, None], np.searchsorted(edges, values)), 1.0)
    reference = np.full(bins, REFERENCE / bins)
    psi = float((psi_and_probability(counts, reference)[1] < LEVEL).mean())
    ks = float((ks_and_probability(counts, reference)[1] < LEVEL).mean())
    return psi, ks
