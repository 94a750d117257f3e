"""Simulated traffic: who was assigned to which arm, and what came of it, many runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dohyo_evidence.sequential.arrays import FloatArray

CHUNK = 20


@dataclass(frozen=True)
class Chunk:
    """Consecutive requests of all runs.

    Attributes:
        first: the first one's number.
        share: the challenger's share when they were assigned; shape (n,) or (runs, n).
        challenger: 1.0 for its requests; shape (runs, n).
        hit: 1.0 for an event (an error, a correct answer); shape (runs, n).
    """

    first: int
    share: FloatArray
    challenger: FloatArray
    hit: FloatArray


@dataclass(frozen=True)
class Traffic:
    """One case of the tables.

    Attributes:
        name: of the case.
        requests: per run.
        share: the challenger's share of each request, given its numbers.
        champion, challenger: the rates of events, given the numbers of requests.
    """

    name: str
    requests: int
    share: Callable[[FloatArray], FloatArray]
    champion: Callable[[FloatArray], FloatArray]
    challenger: Callable[[FloatArray], FloatArray]

    def chunks(self, runs: int, seed: int, size: int = CHUNK) -> Iterator[Chunk]:
        random = np.random.default_rng(seed)
        for first in range(0, self.requests, size):
            number = np.arange(first, min(first + size, self.requests), dtype=np.float64)
            share = self.share(number)
            arm = (random.random((runs, number.size)) < share).astype(np.float64)
            rate = np.where(arm == 1.0, self.challenger(number), self.champion(number))
            hit = (random.random((runs, number.size)) < rate).astype(np.float64)
            yield Chunk(first, share, arm, hit)


def always(value: float) -> Callable[[FloatArray], FloatArray]:
    return lambda number: np.full(number.shape, value)


def rising(start: float, end: float, requests: int) -> Callable[[FloatArray], FloatArray]:
    return lambda number: start + (end - start) * number / requests


def ramp(requests: int) -> Callable[[FloatArray], FloatArray]:
    """1, 5, 10, 25 and 50 percent, each for a fifth of the requests."""
    steps = np.array([0.01, 0.05, 0.10, 0.25, 0.50])
    return lambda number: steps[np.minimum((number * 5 // requests).astype(int), 4)]


def constant(name: str, requests: int, share: float, champion: float, challenger: float) -> Traffic:
    return Traffic(name, requests, always(share), always(champion), always(challenger))


def ramped(name: str, requests: int, start: float, end: float) -> Traffic:
    base = rising(start, end, requests)
    return Traffic(name, requests, ramp(requests), base, base)


NULLS = (
    constant("4 % errors, 50/50", 10_000, 0.5, 0.04, 0.04),
    constant("1 % errors, challenger at 5 %", 20_000, 0.05, 0.01, 0.01),
    ramped("ramp to 50 % while errors rise from 1 to 4 %", 20_000, 0.01, 0.04),
    ramped("ramp to 50 % while errors fall from 4 to 1 %", 20_000, 0.04, 0.01),
)
HARMS = (
    constant("errors 1 to 3 % at 10 %", 20_000, 0.10, 0.01, 0.03),
    constant("errors 1 to 1.5 % at 50 %", 60_000, 0.50, 0.01, 0.015),
)
