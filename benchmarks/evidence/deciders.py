"""The shipped tests, followed through simulated traffic: at which request each run decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from dohyo_evidence.sequential.arrays import FloatArray, log_mean_exp
from dohyo_evidence.sequential.comparison import WeightedTest
from dohyo_evidence.sequential.events import above, gains

if TYPE_CHECKING:
    from benchmarks.evidence.streams import Chunk, Traffic

NEVER = np.inf


class Decider(Protocol):
    """Follows many runs at once."""

    runs: int

    def path(self, chunk: Chunk) -> FloatArray:
        """What is compared with a limit after each request; shape (runs, n)."""


class Events:
    """F1 for "the challenger has more events": the null is a ratio of at most `null`."""

    def __init__(self, runs: int, null: float = 1.0, ratios: FloatArray | None = None) -> None:
        self.runs = runs
        self.null = null
        self.ratios = above(null) if ratios is None else ratios
        self.log = np.zeros((runs, self.ratios.size))

    def path(self, chunk: Chunk) -> FloatArray:
        of_champion, of_challenger = gains(chunk.share, self.null, self.ratios)
        arm = chunk.challenger[..., None]
        steps = arm * of_challenger.T + (1.0 - arm) * of_champion.T
        logs = self.log[:, None, :] + np.cumsum(chunk.hit[..., None] * steps, axis=1)
        self.log = logs[:, -1]
        return log_mean_exp(logs)


class Weighted:
    """F2 for "the challenger has more events": a score is the absence of one."""

    def __init__(self, runs: int, null: float = 0.0, *, worse: bool = True) -> None:
        self.runs = runs
        self.test = WeightedTest(null, worse=worse, shape=(runs,))

    def path(self, chunk: Chunk) -> FloatArray:
        share = np.broadcast_to(chunk.share, chunk.hit.shape)
        score = 1.0 - chunk.hit if self.test.worse else chunk.hit
        return self.test.path(score, chunk.challenger, share)


def decision_times(
    traffic: Traffic, decider: Decider, limit: float, seed: int, enough: float = 1.0
) -> FloatArray:
    """The number of the request at which each run decides; infinite if it never does.

    Args:
        traffic: that all runs see.
        decider: follows them.
        limit: that it decides at.
        seed: of the traffic.
        enough: share of the runs after whose decisions the others need not go on.
    """
    runs = decider.runs
    times = np.full(runs, NEVER)
    for chunk in traffic.chunks(runs, seed):
        if np.isfinite(times).mean() >= enough:
            break
        reached = decider.path(chunk) >= limit
        now = reached.any(axis=1) & np.isinf(times)
        times[now] = chunk.first + 1 + reached[now].argmax(axis=1)
    return times
