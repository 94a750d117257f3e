"""Two statuses → what happened in the rollouts between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.status.event import Event, EventType
from dohyo.verdict.remembrance import EVIDENCE_LOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GOOD_ENDS: Final = ("Promoted", "PromotedByHand")


def orders(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    """Manual actions that were taken, each told once."""
    known = [o["number"] for o in before.get("orders", ())]
    for order in after.get("orders", ()):
        if order["number"] not in known:
            refused = order.get("refused", False)
            if refused:
                yield Event("Warning", "OrderRefused", order["message"])
            else:
                yield Event("Normal", "OrderTaken", order["message"])


def bouts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    """Trials that came to an end."""
    known = [_end(h) for h in before.get("history", ())]
    for entry in reversed(after.get("history", ())):
        if _end(entry) in known:
            continue
        won = entry["outcome"] in _GOOD_ENDS
        message = f"{entry['challenger']} against {entry['champion']}: {_said(entry)}"
        yield Event("Normal" if won else "Warning", _reason(entry["outcome"]), message)


def trials(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    """Trials that began, steps that began, and gates that changed their minds."""
    old = {r["challenger"]: r for r in before.get("rollouts", ())}
    for trial in after.get("rollouts", ()):
        if not trial.get("trial"):
            continue
        name, was = trial["challenger"], old.get(trial["challenger"], {})
        if was.get("trial") != trial["trial"]:
            said = f"{name} against {trial['champion']}: trial {trial['trial']} begins"
            attempt = trial.get("attempt", 1)
            again = f", the {attempt}. of this content" if attempt > 1 else ""
            yield Event("Normal", "TrialStarted", said + again)
            was = {}
        elif was.get("step", 0) != trial.get("step", 0):
            yield Event("Normal", "StepStarted", f"{name}: step {trial['step'] + 1} begins")
        yield from _pauses(name, was, trial)
        yield from _gates(name, was, trial)


def _pauses(name: str, was: Mapping[str, Any], trial: Mapping[str, Any]) -> Iterator[Event]:
    by, before = trial.get("pausedBy"), was.get("pausedBy")
    if by and by != before:
        verdict = trial.get("verdict") or {}
        kind: EventType = "Normal" if by in ("Spec", "Hand", "Passed") else "Warning"
        said = f"{name} is paused ({by}): {verdict.get('message', '')}"
        yield Event(kind, "RolloutPaused", said.rstrip(": "))
    elif before and not by:
        yield Event("Normal", "RolloutResumed", f"{name} goes on")


def _gates(name: str, was: Mapping[str, Any], trial: Mapping[str, Any]) -> Iterator[Event]:
    old = {g["name"]: g for g in (was.get("verdict") or {}).get("gates", ())}
    for gate in (trial.get("verdict") or {}).get("gates", ()):
        before, now = old.get(gate["name"], {}).get("outcome"), gate["outcome"]
        if now == before or (before is None and now == "inconclusive"):
            continue
        dry = " (dry run)" if gate.get("dryRun") else ""
        said = f"{name}, gate {gate['name']}{dry}: {gate.get('message', '')}"
        bad = now in ("failed", "error")
        yield Event("Warning" if bad else "Normal", f"Gate{now.capitalize()}", said)


def _end(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return entry["challenger"], entry["champion"], entry["outcome"], entry["at"]


def _reason(outcome: str) -> str:
    nobody_lost = outcome in _GOOD_ENDS or outcome == EVIDENCE_LOST
    return outcome if nobody_lost else f"RolledBack{outcome}"


def _said(entry: Mapping[str, Any]) -> str:
    verdict = (entry.get("evidence") or {}).get("verdict") or {}
    return f"{entry['outcome']}: {verdict['message']}" if "message" in verdict else entry["outcome"]
