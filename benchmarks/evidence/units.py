"""Requests that depend on each other: few busy entities, and errors that are tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.rows import LIMIT
from dohyo_evidence.sequential.arrays import log_mean_exp
from dohyo_evidence.sequential.comparison import WeightedTest
from dohyo_evidence.sequential.events import above, gains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dohyo_evidence.sequential.arrays import FloatArray

ENTITIES = 400
REQUESTS = 20_000
WINDOW = 20
SHARE = 0.5


def sticky(runs: int, seed: int) -> dict[str, FloatArray]:
    """400 entities of very unequal activity and error rate, split by entity, no difference.

    Returns:
        When each run decides that the challenger is worse: by requests (F1), by entities (F1 on
        "any error in the first 20 requests", F2 on the mean of the first 20 requests).
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {"requests": [], "events": [], "means": []}
    for _ in range(runs):
        activity = random.pareto(1.1, ENTITIES) + 0.1
        entity = random.choice(ENTITIES, REQUESTS, p=activity / activity.sum())
        arm = (random.random(ENTITIES) < SHARE).astype(np.float64)
        rate = random.beta(0.5, 12.0, ENTITIES)
        hit = (random.random(REQUESTS) < rate[entity]).astype(np.float64)
        found["requests"].append(_events(arm[entity][hit == 1.0]))
        closed, mean = _first_windows(entity, hit)
        order = np.argsort(closed)
        order = order[np.isfinite(closed[order])]
        found["events"].append(_events(arm[order][mean[order] > 0]))
        found["means"].append(_means(1.0 - mean[order], arm[order]))
    return {name: np.array(times) for name, times in found.items()}


def bursts(runs: int, seed: int) -> dict[str, FloatArray]:
    """Errors that bring about 5 more of the same entity, and so of the same arm, no difference."""
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {"requests": [], "events": []}
    for _ in range(runs):
        arm = (random.random(400) < 0.1).astype(np.float64)
        retries = random.geometric(1 / 6, 400)
        found["requests"].append(_events(np.repeat(arm, retries), 0.1))
        found["events"].append(_events(arm, 0.1))
    return {name: np.array(times) for name, times in found.items()}


def _first_windows(entity: NDArray[np.int64], hit: FloatArray) -> tuple[FloatArray, FloatArray]:
    """When each entity's first window closed, and the share of errors in it."""
    order = np.argsort(entity, kind="stable")
    starts = np.searchsorted(entity[order], np.arange(ENTITIES + 1))
    closed, mean = np.full(ENTITIES, np.inf), np.zeros(ENTITIES)
    for number in range(ENTITIES):
        mine = order[starts[number] : starts[number + 1]][:WINDOW]
        if mine.size == WINDOW:
            closed[number] = mine[-1]
            mean[number] = hit[mine].mean()
    return closed, mean


def _events(arm: FloatArray, share: float = SHARE) -> float:
    of_champion, of_challenger = gains(np.array([share]), 1.0, above(1.0))
    steps = np.where(arm[:, None] == 1.0, of_challenger[:, 0], of_champion[:, 0])
    return _first(log_mean_exp(np.cumsum(steps, axis=0)))


def _means(score: FloatArray, arm: FloatArray) -> float:
    test = WeightedTest(0.0, worse=True)
    share = np.full(10, SHARE)
    paths = [
        test.path(score[first : first + 10], arm[first : first + 10], share[: score[first:].size])
        for first in range(0, score.size, 10)
    ]
    return _first(np.concatenate(paths)) if paths else np.inf


def _first(path: FloatArray) -> float:
    reached = path >= LIMIT
    return float(reached.argmax()) if reached.any() else np.inf
