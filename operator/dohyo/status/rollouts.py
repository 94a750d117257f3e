"""Conditions of rollouts: what holds them, and whether their gates can be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import ConditionType, Reason, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.conditions import ConditionStatus
    from dohyo.status.versions import Pass

# What somebody has to do for a trial that waits.
_WAITS_FOR: Final[Mapping[str | None, str]] = {
    "Passed": "has passed and waits for promote or resume",
    "Failed": "has failed and keeps its share; abort, promote or retry it",
    "Inconclusive": "is undecided after maxDuration; promote, abort or resume it",
}


def paused(run: Pass) -> Wanted | None:
    """Said only while something is held."""
    kind = ConditionType.PAUSED
    if run.md.spec.paused:
        said = "spec.paused is true: no version gains or loses a share"
        return Wanted(type=kind, status="True", reason=Reason.PAUSED_BY_SPEC, message=said)
    if run.plan.ruling.status.get("paused_by_hand_at"):
        said = "paused by hand: no step advances and nobody is promoted; a failed gate still counts"
        return Wanted(type=kind, status="True", reason=Reason.PAUSED_BY_HAND, message=said)
    for trial in run.plan.ruling.rollouts:
        if trial.state == "Paused" and trial.paused_by in _WAITS_FOR:
            said = f"{trial.challenger} {_WAITS_FOR[trial.paused_by]}"
            return Wanted(type=kind, status="True", reason=Reason.PAUSED_BY_VERDICT, message=said)
    return None


def evidence_fresh(run: Pass) -> Wanted | None:
    """Said only while somebody is on trial; before anybody was asked, what was said last."""
    if run.md.spec.rollout is None or not any(r.trial for r in run.plan.ruling.rollouts):
        return None
    if not run.observed.evidence.asked:
        before = run.md.status.condition(ConditionType.EVIDENCE_FRESH)
        if before is None:
            return _fresh("Unknown", Reason.EVIDENCE_STALE, "nobody could be asked yet")
        return _fresh(before.status, Reason(before.reason), before.message)
    if run.plan.ruling.problem is not None:
        return _fresh("False", Reason.EVIDENCE_STALE, run.plan.ruling.problem)
    return _fresh("True", Reason.EVIDENCE_FRESH, "every gate can be answered")


def _fresh(status: ConditionStatus, reason: Reason, message: str) -> Wanted:
    return Wanted(type=ConditionType.EVIDENCE_FRESH, status=status, reason=reason, message=message)
