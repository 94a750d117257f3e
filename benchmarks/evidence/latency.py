"""Slow requests at three frozen cuts, under load that comes and goes by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.deciders import NEVER
from benchmarks.evidence.rows import LIMIT
from dohyo_evidence.sequential.arrays import log_mean_exp
from dohyo_evidence.sequential.events import above, gains

if TYPE_CHECKING:
    from numpy.random import Generator

    from dohyo_evidence.sequential.arrays import FloatArray

REQUESTS = 20_000
SHARE = 0.1
SPREAD = 0.6
# One rise and fall of the load in so many requests, by which everybody is slower or faster.
DAY = 5_000.0
SWING = 0.2
QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Slower:
    """How the challenger's latencies differ.

    Attributes:
        everywhere: factor of all of them.
        rare: share that is `much` times as long on top.
    """

    everywhere: float = 1.0
    rare: float = 0.0
    much: float = 8.0


def found_slower(challenger: Slower, runs: int, seed: int) -> FloatArray:
    """After how many requests each run calls the challenger slower than the champion."""
    random = np.random.default_rng(seed)
    cuts = np.quantile(_latencies(np.arange(50_000.0), random), QUANTILES)
    times = np.full(runs, NEVER)
    number = np.arange(float(REQUESTS))
    for run in range(runs):
        arm = (random.random(REQUESTS) < SHARE).astype(np.float64)
        seconds = _latencies(number + DAY * random.random(), random)
        factor = challenger.everywhere * np.where(
            random.random(REQUESTS) < challenger.rare, challenger.much, 1.0
        )
        seconds = np.where(arm == 1.0, seconds * factor, seconds)
        reached = _averaged(arm, seconds, cuts) >= LIMIT
        if reached.any():
            times[run] = 1.0 + float(reached.argmax())
    return times


def _latencies(number: FloatArray, random: Generator) -> FloatArray:
    load = SWING * np.sin(2 * np.pi * number / DAY)
    return np.asarray(np.exp(load + SPREAD * random.standard_normal(number.size)))


def _averaged(arm: FloatArray, seconds: FloatArray, cuts: FloatArray) -> FloatArray:
    """The log of the mean of the cuts' e-values after each request."""
    of_champion, of_challenger = gains(np.array([SHARE]), 1.0, above(1.0))
    steps = np.where(arm[:, None] == 1.0, of_challenger[:, 0], of_champion[:, 0])
    logs = [np.cumsum(steps * (seconds > cut)[:, None], axis=0) for cut in cuts]
    return log_mean_exp(np.concatenate(logs, axis=1))
