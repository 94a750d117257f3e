"""Thompson sampling with a floor: the share of the traffic that each version should get next.

A share is the probability that the version is the best one, given what was scored, raised to the
floor. The floor is the price of knowing: without it a version that started badly is hardly ever
seen again, and the weighted test (`sequential.comparison`) has nothing to test. Shares are meant to
be computed once per batch; the gateway stamps the one it used on each request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from dohyo_evidence.sequential.arrays import FloatArray

# One imagined observation at the middle, so that a version never seen is a wide open question.
_PRIOR: Final = 1.0
_POINTS: Final = np.linspace(-8.0, 8.0, 161)


def best_probabilities(counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    """How probable it is that each version has the highest mean score.

    Posteriors are normal, with the mean and the squared standard error of the scores.

    Args:
        counts: of scores in [0, 1], by version on the last axis.
        sums: of these scores.
        squares: the sums of their squares.

    Returns:
        The probabilities; they add up to 1 on the last axis.
    """
    number = counts + 2 * _PRIOR
    mean = (sums + _PRIOR) / number
    variance = np.maximum((squares + _PRIOR) / number - mean**2, 1e-9)
    error = np.sqrt(variance / number)
    # At points of each version's own posterior: how likely all others lie below.
    at = mean[..., None] + error[..., None] * _POINTS
    below = ndtr((at[..., None, :] - mean[..., None, :, None]) / error[..., None, :, None])
    own = np.eye(counts.shape[-1], dtype=bool)[:, :, None]
    others = np.prod(np.where(own, 1.0, below), axis=-2)
    found = (others * np.exp(-(_POINTS**2) / 2)).sum(axis=-1)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def floored(probabilities: FloatArray, floor: float) -> FloatArray:
    """Every version at its probability of being best, none below the floor; the sum stays 1.

    Args:
        probabilities: adding up to 1 on the last axis.
        floor: the least share of each version; at most an equal share is given.
    """
    versions = probabilities.shape[-1]
    floor = min(floor, 1.0 / versions)
    shares = np.maximum(probabilities, floor)
    # What the raised ones took comes from what the others have above the floor.
    above = shares - floor
    room = 1.0 - versions * floor
    total = above.sum(axis=-1, keepdims=True)
    return np.asarray(floor + np.where(total > 0, above * room / np.maximum(total, 1e-300), 0.0))


def thompson(counts: FloatArray, sums: FloatArray, squares: FloatArray, floor: float) -> FloatArray:
    """The next shares by version on the last axis, which sum to 1.

    Args:
        counts: rewards seen of each version, [..., n_versions].
        sums: of the rewards, [..., n_versions].
        squares: sums of their squares, [..., n_versions].
        floor: the least share of each version, 0 to 1; at most an equal share is given.
    """
    return floored(best_probabilities(counts, sums, squares), floor)
