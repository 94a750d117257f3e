"""What is known of one gate → its finding: passed, failed, inconclusive or error.

No data is never an answer: it makes a gate inconclusive, and not being able to look an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import shortened
from dohyo.api.status import ArmCount, GateFinding
from dohyo.contract.evidence import STATE_ERROR, STATE_NO_DATA
from dohyo.verdict.trial_plan import MIN_UNITS

if TYPE_CHECKING:
    from dohyo.api.rollout import Gate
    from dohyo.api.status import Outcome
    from dohyo.contract.evidence import ArmCounts, Claim, GateReport
    from dohyo.verdict.evidence import Measured

# A gate's message shares the status with many others.
MESSAGE_BYTES: Final = 240
_LARGEST: Final = 1e12


@dataclass(frozen=True)
class _Answer:
    outcome: Outcome
    reason: str
    message: str


def of_report(gate: Gate, report: GateReport | None, before: GateFinding | None) -> GateFinding:
    """The finding of a gate that the evidence service answers.

    Args:
        gate: as written in the spec.
        report: the service's word; None when it does not know the gate.
        before: the last finding of the same trial. A null that was rejected stays rejected.
    """
    if report is None:
        answer = _Answer("error", "EvidenceMissing", "the evidence service does not know this gate")
        return _finding(gate, answer)
    answer = _answer(gate, report, before)
    arms = report.champion, report.challenger
    return _finding(
        gate,
        answer,
        e_harm=_largest(report.fail),
        e_pass=_least(report.pass_),
        effect=_number(report.effect.value if report.effect else report.value),
        lower=_number(report.effect.lower if report.effect else None),
        upper=_number(report.effect.upper if report.effect else report.limit),
        champion=_arm(arms[0]),
        challenger=_arm(arms[1]),
    )


def of_query(gate: Gate, measured: Measured | None) -> GateFinding:
    """The finding of a prometheus gate: its query's answer, held against its limits."""
    if measured is None:
        return _finding(gate, _Answer("error", "QueryNotAsked", "the query was not asked yet"))
    if measured.problem:
        return _finding(gate, _Answer("error", "QueryFailed", measured.problem))
    value = measured.value
    if value is None or math.isnan(value):
        said = "the query has no value now"
        return _finding(gate, _Answer("inconclusive", "NoData", said))
    if gate.max is not None and value > gate.max:
        answer = _Answer("failed", "OutOfLimits", f"the query gives {value:.4g} > max {gate.max:g}")
    elif gate.min is not None and value < gate.min:
        answer = _Answer("failed", "OutOfLimits", f"the query gives {value:.4g} < min {gate.min:g}")
    else:
        limits = [f"min {gate.min:g}"] if gate.min is not None else []
        limits += [f"max {gate.max:g}"] if gate.max is not None else []
        said = f"the query gives {value:.4g}, within {' and '.join(limits)}"
        answer = _Answer("passed", "WithinLimits", said)
    return _finding(gate, answer, effect=_number(value))


def _answer(gate: Gate, report: GateReport, before: GateFinding | None) -> _Answer:
    if report.state == STATE_ERROR:
        return _Answer("error", "EvidenceError", report.message)
    if report.failed:
        return _Answer("failed", _why_failed(report), _with_claim(report, report.fail))
    if report.passed:
        reason = "WithinLimits" if report.breach is not None else _why_passed(gate)
        return _Answer("passed", reason, _with_claim(report, report.pass_))
    if before is not None and before.outcome == "passed" and report.pass_:
        return _Answer("passed", before.reason or "", before.message or "")
    return _undecided(gate, report)


def _undecided(gate: Gate, report: GateReport) -> _Answer:
    """Where nothing has been rejected: a guard that asks for no proof may still let pass."""
    if report.state == STATE_NO_DATA:
        return _Answer("inconclusive", "NoData", report.message or "nothing has been measured yet")
    if report.pass_ or report.breach is not None or _asks_to_pass(gate):
        return _Answer("inconclusive", "NotDecided", _with_need(report))
    least = min(report.champion.units, report.challenger.units)
    if least >= MIN_UNITS:
        said = f"{report.message}; not shown harmful (nothing asks for proof of more)"
        return _Answer("passed", "NotShownHarmful", said)
    said = f"{report.message}; {least:,} of {MIN_UNITS} units in the smaller arm"
    return _Answer("inconclusive", "TooFewUnits", said)


def _asks_to_pass(gate: Gate) -> bool:
    """Whether something must be proven for the gate to pass."""
    if gate.metric in ("error-rate", "latency"):
        return gate.margin is not None
    return gate.metric in ("loss", "reward", "agreement", "drift")


def _why_failed(report: GateReport) -> str:
    return "OutOfLimits" if report.breach is not None else "Harmful"


def _why_passed(gate: Gate) -> str:
    if gate.metric in ("loss", "reward") and gate.goal != "non-inferior":
        return "Superior"
    return "AsGoodAsAsked"


def _with_claim(report: GateReport, claims: tuple[Claim, ...]) -> str:
    """The service's words, and the e-value that crossed its threshold if they lack it."""
    decided = max((c for c in claims if c.rejected), key=lambda c: c.peak, default=None)
    if decided is None or decided.threshold is None or "e-value" in report.message:
        return report.message
    return f"{report.message}: e-value {decided.peak:.3g} >= {decided.threshold:g}"


def _with_need(report: GateReport) -> str:
    if report.needed is None or "needed" in report.message:
        return report.message
    return f"{report.message}; about {report.needed:,} more until a decision"


def _largest(claims: tuple[Claim, ...]) -> float | None:
    return _number(max((c.peak for c in claims), default=None))


def _least(claims: tuple[Claim, ...]) -> float | None:
    return _number(min((c.peak for c in claims), default=None))


def _number(value: float | None) -> float | None:
    """Four digits are what a status has room for."""
    if value is None or math.isnan(value):
        return None
    return float(f"{max(-_LARGEST, min(_LARGEST, value)):.4g}")


def _arm(counts: ArmCounts) -> ArmCount:
    return ArmCount(units=counts.units, value=_number(counts.mean))


def _finding(gate: Gate, answer: _Answer, **numbers: float | ArmCount | None) -> GateFinding:
    return GateFinding.model_validate(
        {
            "name": gate.name,
            "outcome": answer.outcome,
            "reason": answer.reason,
            "message": shortened(answer.message, MESSAGE_BYTES),
            "dry_run": gate.dry_run or None,
            **numbers,
        }
    )
