"""Settled units, as the gates take them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo_evidence.sequential.arrays import FloatArray

Shares = tuple[int, int]


@dataclass(frozen=True)
class RateUnit:
    """An entity or request whose first window has closed.

    Attributes:
        challenger: whether it was assigned to the challenger.
        shares: champion's and challenger's in 1/BUCKETS when it was assigned.
        hits: by gate: whether anything was bad in its window; for latency by each cut.
    """

    challenger: bool
    shares: Shares
    hits: Mapping[str, tuple[bool, ...]]


@dataclass(frozen=True)
class ScoreUnit:
    """An entity or request whose labels had their time.

    Attributes:
        challenger, shares: as above.
        predictions: of its first window.
        labels: how many of them have a label or reward.
        scores: by gate: the mean loss or reward of its first window; absent without any.
    """

    challenger: bool
    shares: Shares
    predictions: int
    labels: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Pair:
    """One unit's requests that the champion answered, and the challenger in its shadow.

    Attributes:
        agreement: share of rows with the same prediction; None where it is not asked about.
        differences: by loss gate: champion's mean loss minus the challenger's, of labelled rows.
    """

    agreement: float | None
    differences: Mapping[str, float]


def columns(
    units: Sequence[RateUnit] | Sequence[ScoreUnit],
) -> tuple[FloatArray, FloatArray]:
    """Whether each unit is the challenger's, and the challenger's share of the two arms."""
    arms = np.array([float(u.challenger) for u in units])
    share = np.array([u.shares[1] / (u.shares[0] + u.shares[1]) for u in units])
    return arms, share
