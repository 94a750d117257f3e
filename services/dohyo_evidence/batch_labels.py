"""Labels of rows that a batch run has scored: each version's losses, and both on the same rows."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import select

from dohyo.contract.batch_evidence import (
    ABSOLUTE,
    BETTER,
    UNDECIDED,
    WORSE,
    ZERO_ONE,
    BatchEvidence,
    PairedLabels,
    VersionLabels,
)
from dohyo_evidence.sequential.comparison import MeanTest
from dohyo_evidence.tables import BATCH_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from dohyo_evidence.sequential.arrays import FloatArray

# As in the report of a run whose labels are in the data.
_DECISIVE: Final = 20.0
_BATCH: Final = 50


async def batch_labels(
    connection: AsyncConnection, namespace: str, deployment: str, run: str
) -> Sequence[Any]:
    """All labels of a run, in the order in which they came."""
    x = BATCH_LABELS.c
    theirs = (x.namespace == namespace, x.deployment == deployment, x.run == run)
    columns = (x.version, x.nonce, x.classes, x.predicted, x.label)
    query = select(*columns).where(*theirs).order_by(x.received, x.nonce)
    return (await connection.execute(query)).all()


def batch_evidence(namespace: str, deployment: str, run: str, rows: Sequence[Any]) -> BatchEvidence:
    """What the labels of a run say."""
    losses: dict[str, dict[str, float]] = {}
    kinds: dict[str, str] = {}
    for row in rows:
        loss = float(row.predicted != row.label) if row.classes else abs(row.predicted - row.label)
        losses.setdefault(row.version, {})[row.nonce] = loss
        kinds[row.version] = ZERO_ONE if row.classes else ABSOLUTE
    versions = [
        VersionLabels(name, len(found), kinds[name], sum(found.values()) / len(found))
        for name, found in sorted(losses.items())
    ]
    pairs = [
        _paired(first, other, kinds[first], _gains(losses[first], losses[other]))
        for first, other in combinations(sorted(losses), 2)
        if kinds[first] == kinds[other]
    ]
    known = tuple(pair for pair in pairs if pair.rows)
    return BatchEvidence(namespace, deployment, run, tuple(versions), known)


def _gains(first: dict[str, float], other: dict[str, float]) -> FloatArray:
    """By how much the other version was nearer, row by row, in the order of its labels."""
    return np.array([first[nonce] - loss for nonce, loss in other.items() if nonce in first])


def _paired(first: str, other: str, kind: str, gains: FloatArray) -> PairedLabels:
    mean = float(gains.mean()) if gains.size else 0.0
    if kind != ZERO_ONE:
        return PairedLabels(first, other, gains.size, mean, None, None, UNDECIDED)
    tests = (MeanTest(0.0, -1.0), MeanTest(0.0, 1.0, below=True))
    for start in range(0, gains.size, _BATCH):
        for test in tests:
            test.fold(gains[start : start + _BATCH])
    better, worse = (min(1e300, math.exp(min(690.0, float(test.log_e)))) for test in tests)
    verdict = BETTER if better >= _DECISIVE else WORSE if worse >= _DECISIVE else UNDECIDED
    return PairedLabels(first, other, gains.size, mean, better, worse, verdict)
