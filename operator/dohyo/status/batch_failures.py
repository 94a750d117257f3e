"""Why a run is not done: in the words of its pods, or of Kubernetes where they said nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.batch_conditions import BatchReason
from dohyo.api.conditions import shortened
from dohyo.contract.batch import BAD_ROW
from dohyo.plan.batch_order import as_written
from dohyo.plan.batch_run import FAILED, condition_of, is_called_off, is_failed
from dohyo.status.batch_pods import troubles
from dohyo.status.batch_views import shards_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dohyo.api.batch_status import RunState
    from dohyo.plan.batch_words import Ending
    from dohyo.plan.observed import Manifest
    from dohyo.status.batch_views import RunView

# What stays true of a run, whatever becomes of the pods that said so.
_LASTING: Final = (BatchReason.BAD_ROW, BatchReason.RUN_HOPELESS)


def why(view: RunView, state: RunState, now: datetime) -> tuple[str | None, str | None]:
    """Reason and message of a run that is not done."""
    if state in ("Succeeded", "Suspended"):
        return None, None
    found = _failure(view) if state == "Failed" else _hindrance(view, now)
    return (found[0], shortened(found[1])) if found is not None else (None, None)


def _hindrance(view: RunView, now: datetime) -> tuple[BatchReason, str] | None:
    """What is in the way of a run that goes on."""
    hopeless = _hopeless(view.ends)
    if hopeless is not None:
        return _reason_of(hopeless), f"{_place(hopeless)}{told(hopeless)}"
    stuck = max(troubles(view.pods, now), key=lambda t: t.severity, default=None)
    if stuck is not None:
        return stuck.reason, stuck.message
    failing = _failing(view)
    if failing is None:
        return None
    killed = failing.word == "OOMKilled"
    reason = BatchReason.OUT_OF_MEMORY if killed else BatchReason.POD_FAILS
    return reason, f"{_place(failing)}{told(failing)}; it is tried again"


def _failing(view: RunView) -> Ending | None:
    """The last failure of a shard, or of the end, that no later attempt has made good."""
    good = {(e.job, e.shard) for e in view.ends if e.exit_code == 0}
    bad = [e for e in view.ends if e.exit_code != 0 and (e.job, e.shard) not in good]
    return bad[-1] if bad else None


def _failure(view: RunView) -> tuple[BatchReason, str]:
    job = view.finish if view.finish is not None and is_failed(view.finish) else view.score
    failed = [e for e in view.ends if e.exit_code != 0 and e.job == job["metadata"]["name"]]
    hopeless = _hopeless(failed)
    if hopeless is not None:
        return _reason_of(hopeless), f"{_place(hopeless)}{told(hopeless)}{_left(view)}"
    kept = _kept(view) if not failed else None
    if kept is not None:
        return kept
    onward = _onward(view, job)
    killed = next((e for e in failed if e.word == "OOMKilled"), None)
    if killed is not None:
        message = f"{_place(killed)}OOMKilled; raise resources.limits.memory{onward}"
        return BatchReason.OUT_OF_MEMORY, message
    said = f"{_place(failed[-1])}{told(failed[-1])}" if failed else ""
    condition = condition_of(job, *FAILED) or {}
    if condition.get("reason") == "DeadlineExceeded" and not is_called_off(job):
        before = f"; before that, {said}" if said else ""
        message = f"it took longer than {job['spec'].get('activeDeadlineSeconds')} s{before}"
        return BatchReason.DEADLINE_EXCEEDED, f"{message}{onward}"
    return BatchReason.RUN_FAILED, f"{said or condition.get('message') or 'its Job failed'}{onward}"


def _hopeless(ends: Iterable[Ending]) -> Ending | None:
    return next((ending for ending in ends if ending.is_hopeless), None)


def _reason_of(hopeless: Ending) -> BatchReason:
    bad = hopeless.summary is not None and hopeless.summary.reason == BAD_ROW
    return BatchReason.BAD_ROW if bad else BatchReason.RUN_HOPELESS


def _kept(view: RunView) -> tuple[BatchReason, str] | None:
    """What was told of it while there were pods to say so."""
    before = view.before
    if before is None or before.reason is None or before.message is None:
        return None
    if before.state == "Failed":
        return BatchReason(before.reason), before.message
    if before.reason in _LASTING:
        return BatchReason(before.reason), f"{before.message}{_left(view)}"
    return None


def told(ending: Ending) -> str:
    """What a pod that failed said."""
    if ending.summary is not None:
        return as_written(f"{ending.summary.reason}: {ending.summary.message}")
    said = ending.text or ending.word
    return f"exit code {ending.exit_code}: {said}" if said else f"exit code {ending.exit_code}"


def _place(ending: Ending) -> str:
    return f"shard {ending.shard}: " if ending.shard is not None else ""


def _count_left(view: RunView) -> str:
    counts = shards_of(view.score)
    left = counts.total - counts.done
    return f"{left} of {counts.total} shards are left" if left else ""


def _left(view: RunView) -> str:
    left = _count_left(view)
    return f" ({left})" if left else ""


def _onward(view: RunView, job: Manifest) -> str:
    """What is left of a run that could be completed, and how."""
    left = _count_left(view) or "every shard is done"
    if view.is_scheduled:
        return f" ({left}; the next run of the schedule begins anew)"
    return f" ({left}; delete Job {job['metadata']['name']} to go on)"
