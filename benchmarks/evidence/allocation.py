"""Traffic whose shares Thompson sampling sets anew for every batch, and what F2 makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.deciders import NEVER, Weighted
from benchmarks.evidence.streams import Chunk
from dohyo_evidence.allocation import thompson

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.evidence.deciders import Decider
    from dohyo_evidence.sequential.arrays import FloatArray

BATCH = 100


@dataclass(frozen=True)
class Bandit:
    """A case: rewards of 0 and 1.

    Attributes:
        requests: per run.
        champion, challenger: the probability of a reward by the number of the request.
        floor: least share of either arm.
    """

    requests: int
    champion: Callable[[FloatArray], FloatArray]
    challenger: Callable[[FloatArray], FloatArray]
    floor: float


@dataclass(frozen=True)
class Outcome:
    """When each run decides by each decider, and the mean reward over all runs."""

    times: tuple[FloatArray, ...]
    reward: float


def run(case: Bandit, deciders: tuple[tuple[Decider, float], ...], runs: int, seed: int) -> Outcome:
    random = np.random.default_rng(seed)
    counts, sums = np.zeros((runs, 2)), np.zeros((runs, 2))
    times = tuple(np.full(runs, NEVER) for _ in deciders)
    rewards = 0.0
    for first in range(0, case.requests, BATCH):
        number = np.arange(first, first + BATCH, dtype=np.float64)
        share = thompson(counts, sums, sums, case.floor)[:, 1:2]
        arm = (random.random((runs, BATCH)) < share).astype(np.float64)
        rate = np.where(arm == 1.0, case.challenger(number), case.champion(number))
        hit = (random.random((runs, BATCH)) < rate).astype(np.float64)
        both = np.stack([1.0 - arm, arm], axis=-1)
        counts += both.sum(axis=1)
        sums += (both * hit[..., None]).sum(axis=1)
        rewards += float(hit.sum())
        chunk = Chunk(first, np.broadcast_to(share, hit.shape), arm, hit)
        for found, (decider, limit) in zip(times, deciders, strict=True):
            reached = decider.path(chunk) >= limit
            now = reached.any(axis=1) & np.isinf(found)
            found[now] = first + 1 + reached[now].argmax(axis=1)
    return Outcome(times, rewards / (runs * case.requests))


def better(runs: int) -> Weighted:
    """F2 for "the challenger earns more"."""
    return Weighted(runs, worse=False)
