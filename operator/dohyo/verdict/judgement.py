"""The findings of all gates of one trial → its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import parsed_time, rfc3339, shortened
from dohyo.api.scalars import duration_seconds, spoken
from dohyo.api.status import GateFinding, Verdict
from dohyo.contract.evidence import GUARD_VIOLATED, STATE_ERROR
from dohyo.verdict.gates import of_query, of_report

if TYPE_CHECKING:
    from datetime import datetime

    from dohyo.api.rollout import RolloutSpec
    from dohyo.api.status import Outcome, RolloutStatus
    from dohyo.contract.evidence import TrialReport
    from dohyo.verdict.evidence import Evidence

# Numbers that only move on are written this often; another outcome at once.
PROGRESS_SECONDS: Final = 10.0


def judged(
    rollout: RolloutSpec, trial: RolloutStatus, evidence: Evidence, now: datetime
) -> Verdict | None:
    """What the gates say of a trial.

    Args:
        rollout: gates in their order.
        trial: that has begun; its last verdict stands while nobody could be asked.
        evidence: all that is known.
        now: the present.
    """
    if not evidence.asked:
        return trial.verdict
    report = evidence.trial(trial.trial)
    before = {g.name: g for g in trial.verdict.gates} if trial.verdict else {}
    findings: list[GateFinding] = []
    for gate in rollout.gates:
        if gate.metric == "prometheus":
            findings.append(of_query(gate, evidence.measured.get((trial.challenger, gate.name))))
        elif report is None:
            findings.append(_unanswered(gate.name, gate.dry_run, evidence, before.get(gate.name)))
        else:
            known = next((g for g in report.gates if g.name == gate.name), None)
            findings.append(of_report(gate, known, before.get(gate.name)))
    verdict = _together(tuple(findings), report, rfc3339(now))
    verdict = verdict.model_copy(update={"advice": _advice(rollout, report)})
    return _unless_only_numbers(trial.verdict, verdict, now)


def _advice(rollout: RolloutSpec, report: TrialReport | None) -> str | None:
    """That labels take longer than the spec allows for, as measured in both arms."""
    wanted = report.proposed_max_delay_seconds if report is not None else None
    given = duration_seconds(rollout.labels.max_delay)
    if wanted is None or wanted <= given:
        return None
    return (
        f"labels take longer than labels.maxDelay {rollout.labels.max_delay}; by the delays of "
        f"both versions it should be {spoken(wanted)}"
    )


def _unanswered(
    name: str, dry_run: bool, evidence: Evidence, before: GateFinding | None
) -> GateFinding:
    if evidence.report is not None:
        # The plan has been sent, or will be in a moment; the first report follows.
        outcome: Outcome = "inconclusive"
        reason, message = "NoData", "the evidence service has not heard of this trial yet"
    else:
        outcome, reason, message = "error", "EvidenceUnavailable", evidence.problem
    kept = before.model_dump(exclude_none=True) if before else {}
    found = {"name": name, "outcome": outcome, "reason": reason, "dry_run": dry_run or None}
    return GateFinding.model_validate({**kept, **found, "message": shortened(message, 240)})


def _together(findings: tuple[GateFinding, ...], report: TrialReport | None, stamp: str) -> Verdict:
    """Failed if any gate failed, error if any cannot be answered, passed only if all passed."""
    deciding = [f for f in findings if not f.dry_run]
    outcome: Outcome
    if report is not None and report.guard.state == GUARD_VIOLATED:
        outcome, reason = "error", "SampleRatio"
        message = f"the comparison is broken: {report.guard.message}"
    elif report is not None and report.state == STATE_ERROR:
        outcome, reason, message = "error", "EvidenceError", report.message
    elif not deciding:
        outcome, reason = "inconclusive", "NoGate"
        message = "no gate decides anything; promote or abort by hand"
    else:
        outcome, reason, message = _by_gates(deciding)
    return Verdict(
        outcome=outcome, reason=reason, message=shortened(message), at=stamp, gates=findings
    )


def _by_gates(deciding: list[GateFinding]) -> tuple[Outcome, str, str]:
    for outcome in ("failed", "error"):
        first = next((f for f in deciding if f.outcome == outcome), None)
        if first is not None:
            said = f"{first.name}: {first.message}"
            return ("failed" if outcome == "failed" else "error"), first.reason or "", said
    waiting = [f for f in deciding if f.outcome != "passed"]
    if not waiting:
        said = "; ".join(f"{f.name}: {f.message}" for f in deciding)
        return "passed", "EveryGatePassed", said
    said = "; ".join(f"{f.name}: {f.message}" for f in waiting)
    return "inconclusive", "GatesUndecided", said


def _unless_only_numbers(before: Verdict | None, after: Verdict, now: datetime) -> Verdict:
    """The former verdict, when it says the same and was written a moment ago."""
    if before is None or before.at is None or _words(before) != _words(after):
        return after
    age = (now - parsed_time(before.at)).total_seconds()
    same = before.model_copy(update={"at": after.at}) == after
    return before if same or 0 <= age < PROGRESS_SECONDS else after


def _words(verdict: Verdict) -> tuple[object, ...]:
    return (
        verdict.outcome,
        verdict.reason,
        tuple((g.name, g.outcome, g.reason, g.dry_run) for g in verdict.gates),
    )
