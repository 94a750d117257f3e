"""A finished pass over a BatchPrediction → its whole status, as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.batch_conditions import BatchConditionType, BatchReason
from dohyo.api.batch_status import GOING_ON, BatchPredictionStatus, BatchSummaryLine
from dohyo.api.conditions import Wanted, merge, rfc3339
from dohyo.api.cron import schedule_of
from dohyo.api.resource import parse_metadata
from dohyo.plan.batch_names import batch_name
from dohyo.plan.observed import ChildKey
from dohyo.status.batch_runs import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.api.batch_status import BatchRun
    from dohyo.api.conditions import ConditionStatus
    from dohyo.api.violations import Violation
    from dohyo.plan.applied import Applied
    from dohyo.plan.batch import BatchObserved, BatchPlan

_LONGEST_LINE: Final = 63
_OF_RUNS: Final = tuple(BatchConditionType[name] for name in ("COMPLETE", "PROGRESSING", "FAILED"))
# Refused and named in the message; what is wrong with a pod is told of the run.
_TROUBLES: Final = (BatchReason.POD_STUCK, BatchReason.POD_FAILS, BatchReason.OUT_OF_MEMORY)


def derive_batch(
    bp: BatchPrediction,
    plan: BatchPlan,
    observed: BatchObserved,
    applied: Applied,
    now: datetime,
) -> dict[str, Any]:
    """The status after a pass, as JSON values in camelCase."""
    runs = runs_of(bp, observed, now)
    last = runs[0] if runs else None
    wanted = _wanted(bp, plan, applied, last)
    status = bp.status.model_copy(
        update={
            "observed_generation": bp.metadata.generation,
            "phase": _phase(bp, plan, last, applied),
            **_of_last(last),
            "report": next((run.report for run in runs if run.report), None),
            "last_schedule": _last_schedule(bp, observed) or bp.status.last_schedule,
            "next_schedule": next_schedule(bp, now),
            "next_version": _listed([v.name for v in plan.versions]) if bp.spec.schedule else "",
            "runs": runs,
            "ended": _ended(bp.status, runs),
            "conditions": merge(
                bp.status.conditions, wanted, now, bp.metadata.generation, ready=derive_ready
            ),
        }
    )
    return status.as_raw()


def invalid_batch(
    raw: Mapping[str, Any], violations: Iterable[Violation], now: datetime
) -> dict[str, Any]:
    """The status of a resource that cannot be carried out: all stays as it was, and says why."""
    metadata = parse_metadata(raw)
    try:
        before = BatchPredictionStatus.model_validate(raw.get("status") or {})
    except ValueError:
        before = BatchPredictionStatus()
    message = "; ".join(str(violation) for violation in violations)
    wanted = [
        _say(BatchConditionType.INVALID, "True", BatchReason.SPEC_INVALID, message),
        # What was true of runs is still true.
        *(
            _say(BatchConditionType(c.type), c.status, BatchReason(c.reason), c.message)
            for c in before.conditions
            if c.type in _OF_RUNS
        ),
    ]
    status = before.model_copy(
        update={
            "observed_generation": metadata.generation,
            "phase": "Invalid",
            "conditions": merge(
                before.conditions, wanted, now, metadata.generation, ready=derive_ready
            ),
        }
    )
    return status.as_raw()


def next_schedule(bp: BatchPrediction, now: datetime) -> str | None:
    """When the next run is due; None without a schedule, or while it is suspended."""
    if bp.spec.schedule is None or bp.spec.suspend:
        return None
    due = schedule_of(bp.spec.schedule).next_after(now, bp.spec.time_zone)
    return rfc3339(due) if due is not None else None


# What Ready depends on, in the order of what a reader should be told first; good when false.
_READY_NEEDS: Final = (
    BatchConditionType.INVALID,
    BatchConditionType.NAME_CONFLICT,
    BatchConditionType.DEGRADED,
    BatchConditionType.FAILED,
)


def derive_ready(wanted: Iterable[Wanted]) -> Wanted:
    """Ready, with reason and message of the first condition that stands in its way."""
    by_type = {w.type: w for w in wanted}
    for kind in _READY_NEEDS:
        found = by_type.get(kind)
        if found is not None and found.status != "False":
            return _say(BatchConditionType.READY, "False", found.reason, found.message)
    return _say(BatchConditionType.READY, "True", BatchReason.AS_ASKED, "it is as the spec asks")


def _of_last(last: BatchRun | None) -> dict[str, Any]:
    """What stands at the top of the status: the run that everybody asks for."""
    if last is None:
        return {"summary": BatchSummaryLine()}
    names = _listed([version.name for version in last.versions])
    shards = last.shards
    percent = 100 * shards.done // shards.total if shards.total else 0
    if last.state != "Succeeded":
        percent = min(percent, 99)  # the report is part of it
    return {
        "version": names,
        "versions": last.versions,
        "rows": last.rows,
        "bad_rows": last.bad_rows,
        "shards": shards,
        "started_at": last.started_at,
        "finished_at": last.finished_at,
        "output": last.output,
        "summary": BatchSummaryLine(versions=names, progress=f"{percent}%"),
    }


def _listed(names: list[str]) -> str:
    text = ",".join(names)
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"


def _last_schedule(bp: BatchPrediction, observed: BatchObserved) -> str | None:
    cron = observed.children.get(ChildKey("CronJob", batch_name(bp.metadata.name)))
    found = ((cron or {}).get("status") or {}).get("lastScheduleTime")
    return str(found) if found else None


def _ended(before: BatchPredictionStatus, runs: Iterable[BatchRun]) -> dict[str, int]:
    """How many runs have ended in all: those that had not, when the last status was written."""
    counts = dict(before.ended)
    for run in runs:
        known = before.run(run.name)
        if run.state not in GOING_ON and (known is None or known.state in GOING_ON):
            counts[run.state] = counts.get(run.state, 0) + 1
    return counts


def _phase(bp: BatchPrediction, plan: BatchPlan, last: BatchRun | None, applied: Applied) -> str:
    if applied.conflicts:
        return "Conflict"
    if last is not None and last.state in GOING_ON:
        return last.state
    if plan.obstacle is not None:
        return "Waiting"
    if bp.spec.suspend:
        return "Suspended"
    if bp.spec.schedule:
        return "Scheduled"
    return last.state if last is not None else "Pending"


def _wanted(
    bp: BatchPrediction, plan: BatchPlan, applied: Applied, last: BatchRun | None
) -> list[Wanted]:
    findings = [
        _complete(last),
        _progressing(bp, last),
        _failed(last),
        _degraded(plan, applied, last),
        _name_conflict(applied),
        _suspended(bp),
    ]
    return [found for found in findings if found is not None]


def _complete(last: BatchRun | None) -> Wanted:
    kind = BatchConditionType.COMPLETE
    if last is None:
        return _say(kind, "False", BatchReason.NO_RUN_YET, "nothing has run so far")
    if last.state == "Succeeded":
        message = f"{last.name}: {last.rows} rows, {last.bad_rows} bad; {last.report}"
        return _say(kind, "True", BatchReason.RUN_SUCCEEDED, message)
    if last.state == "Failed":
        return _say(kind, "False", BatchReason.RUN_FAILED, f"{last.name}: {last.message}")
    reason = BatchReason.FINISHING if last.state == "Finishing" else BatchReason.SCORING
    return _say(kind, "False", reason, _course(last))


def _progressing(bp: BatchPrediction, last: BatchRun | None) -> Wanted:
    kind = BatchConditionType.PROGRESSING
    if last is not None and last.state in ("Pending", "Scoring", "Finishing"):
        reason = BatchReason.FINISHING if last.state == "Finishing" else BatchReason.SCORING
        return _say(kind, "True", reason, _course(last))
    if bp.spec.schedule and not bp.spec.suspend:
        return _say(kind, "False", BatchReason.SCHEDULED, "the next run waits for its time")
    return _say(kind, "False", BatchReason.NOTHING_RUNS, "no run goes on")


def _course(run: BatchRun) -> str:
    names = ",".join(version.name for version in run.versions)
    return f"{run.name}: {run.shards.done} of {run.shards.total} shards by {names}"


def _failed(last: BatchRun | None) -> Wanted:
    kind = BatchConditionType.FAILED
    if last is None or last.state != "Failed":
        return _say(kind, "False", BatchReason.HEALTHY, "the last run did not fail")
    reason = BatchReason(last.reason) if last.reason else BatchReason.RUN_FAILED
    return _say(kind, "True", reason, f"{last.name}: {last.message}")


def _degraded(plan: BatchPlan, applied: Applied, last: BatchRun | None) -> Wanted:
    kind = BatchConditionType.DEGRADED
    if plan.obstacle is not None:
        return _say(kind, "True", plan.obstacle.reason, plan.obstacle.message)
    if applied.failures:
        first = applied.failures[0]
        message = f"{first.key.kind} {first.key.name}: {first.message}"
        return _say(kind, "True", BatchReason.CLUSTER_ERROR, message)
    if last is not None and last.state in GOING_ON and last.reason in _TROUBLES:
        message = f"{last.name}: {last.message}"
        return _say(kind, "True", BatchReason(last.reason), message)
    return _say(kind, "False", BatchReason.HEALTHY, "nothing is in the way")


def _name_conflict(applied: Applied) -> Wanted | None:
    if not applied.conflicts:
        return None
    words = ", ".join(f"{key.kind} {key.name}" for key in sorted(applied.conflicts))
    return _say(
        BatchConditionType.NAME_CONFLICT,
        "True",
        BatchReason.FOREIGN_OBJECT,
        f"{words} exists and is not ours, so it was left alone; delete it or rename this "
        "BatchPrediction",
    )


def _suspended(bp: BatchPrediction) -> Wanted | None:
    if not bp.spec.suspend:
        return None
    what = "no further run starts" if bp.spec.schedule else "the run has no pods"
    message = f"{what} until spec.suspend is false"
    return _say(BatchConditionType.SUSPENDED, "True", BatchReason.SUSPENDED_BY_SPEC, message)


def _say(kind: BatchConditionType, status: ConditionStatus, reason: Any, message: str) -> Wanted:
    return Wanted(type=kind, status=status, reason=reason, message=message)
