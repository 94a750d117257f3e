"""Trials whose evidence the service no longer has: they begin anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import rfc3339
from dohyo.api.status import RolloutStatus

if TYPE_CHECKING:
    from dohyo.verdict.evidence import Evidence
    from dohyo.verdict.ring import Ring

EVIDENCE_LOST: Final = "EvidenceLost"


def remembered(ring: Ring, evidence: Evidence) -> Ring:
    """The ring in which no trial goes on with a part of its evidence.

    What comes after the loss is no fair sample: late labels of early predictions are other labels
    than the early ones, and who comes back has met a version before. So a lost trial is over, and
    the next one has a salt of its own. One that waits for somebody's order keeps the verdict that
    it waits with.
    """
    for name, trial in list(ring.rollouts.items()):
        report = evidence.trial(trial.trial) if trial.trial else None
        if report is None or report.since is None or trial.state != "Running":
            continue
        since = rfc3339(datetime.fromtimestamp(report.since, UTC))
        challenger = ring.md.spec.version(name)
        if trial.evidence_since is None:
            ring = ring.put(trial, evidence_since=since)
        elif trial.evidence_since != since and challenger is not None and not ring.switching:
            ring = ring.ended_with(challenger, EVIDENCE_LOST, trial.champion or ring.wanted)
            ring = ring.put(RolloutStatus(challenger=name, attempt=trial.attempt))
    return ring
