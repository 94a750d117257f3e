"""Pods that fail for a while: what clients hear of it, and what each way of counting makes of it.

Both versions are equally good and have two pods, of which one fails now and then, each by itself.
The gateway tries a failed request again on the other pod of the same version, and ejects a pod
that has failed several times in a row. The assignment is of the entity, before any of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.deciders import NEVER
from benchmarks.evidence.rows import LIMIT
from dohyo_evidence.sequential.arrays import log_mean_exp
from dohyo_evidence.sequential.events import above, gains

if TYPE_CHECKING:
    from dohyo_evidence.sequential.arrays import FloatArray

REQUESTS = 20_000
SHARE = 0.2
ERRORS = 0.01
# A pod goes bad once in so many requests to the version; it fails this often in a row until it is
# ejected, and half of the version's requests come to it.
BETWEEN_FAULTS = 700.0
UNTIL_EJECTED = 5


def retried(runs: int, seed: int) -> dict[str, FloatArray]:
    """When each run calls the challenger worse.

    Returns:
        By final answers, which is what is shipped, and by attempts.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {"answers": [], "attempts": []}
    for _ in range(runs):
        arm = (random.random(REQUESTS) < SHARE).astype(np.float64)
        error = random.random(REQUESTS) < ERRORS
        faulty = np.zeros(REQUESTS, dtype=bool)
        for side in (0.0, 1.0):
            mine = np.flatnonzero(arm == side)
            starts = np.cumsum(random.exponential(BETWEEN_FAULTS, 2 + int(mine.size / 300)))
            for start in starts[starts < mine.size].astype(int):
                met = mine[start:][random.random(mine.size - start) < 0.5]
                faulty[met[:UNTIL_EJECTED]] = True
        # A second attempt is on the pod that works; it fails as any request does.
        found["answers"].append(_worse(arm[error]))
        found["attempts"].append(_worse(arm[error | faulty]))
    return {name: np.array(times) for name, times in found.items()}


def _worse(arm: FloatArray) -> float:
    if not arm.size:
        return float(NEVER)
    of_champion, of_challenger = gains(np.array([SHARE]), 1.0, above(1.0))
    steps = np.where(arm[:, None] == 1.0, of_challenger[:, 0], of_champion[:, 0])
    reached = log_mean_exp(np.cumsum(steps, axis=0)) >= LIMIT
    return float(reached.argmax()) if reached.any() else float(NEVER)
