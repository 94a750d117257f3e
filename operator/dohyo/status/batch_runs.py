"""Jobs and their pods' last words → the runs of a BatchPrediction, as its status tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dohyo.api.batch_conditions import BatchReason
from dohyo.api.batch_status import GOING_ON, MAX_RUNS, BatchRun, RunState, ScoringVersion
from dohyo.contract.batch import REPORT_PAGE
from dohyo.plan.batch_run import COMPLETE, FAILED, condition_of, making_of
from dohyo.status.batch_failures import why
from dohyo.status.batch_labels import labelled
from dohyo.status.batch_pods import fetched_digests
from dohyo.status.batch_views import shards_of, started_at, views

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.plan.batch import BatchObserved
    from dohyo.status.batch_views import RunView


def runs_of(bp: BatchPrediction, observed: BatchObserved, now: datetime) -> tuple[BatchRun, ...]:
    """The last runs, the newest first: those with Jobs, and what is remembered of others."""
    live = [_run(bp, view, now) for view in views(bp, observed)]
    names = {run.name for run in live}
    gone = [_gone(run) for run in bp.status.runs if run.name not in names]
    ordered = sorted([*live, *gone], key=lambda run: run.started_at or "", reverse=True)
    kept = ordered[:MAX_RUNS]
    if not any(run.state == "Succeeded" for run in kept):
        # What the next report is compared with, and since when nothing has succeeded.
        kept[MAX_RUNS - 1 :] = [run for run in ordered if run.state == "Succeeded"][:1]
    return tuple(labelled(run, observed.labels.get(run.name)) for run in kept)


def _gone(run: BatchRun) -> BatchRun:
    """A run without a Job is not going on, whatever it was."""
    if run.state not in GOING_ON:
        return run
    message = "its Job was deleted before it was done; what is written of its shards stays"
    return run.model_copy(
        update={"state": "Failed", "reason": BatchReason.RUN_FAILED, "message": message}
    )


def _run(bp: BatchPrediction, view: RunView, now: datetime) -> BatchRun:
    state = view.state
    summary = _Sum.of(view)
    started, ended = started_at(view.score), _ended(view, state)
    reason, message = why(view, state, now)
    folder = f"{bp.spec.output.uri.rstrip('/')}/{view.name}"
    before = view.before
    return BatchRun(
        name=view.name,
        state=state,
        versions=_versions(view),
        shards=shards_of(view.score),
        # Words go with their pods: what was counted stays counted.
        rows=max(summary.rows, before.rows if before is not None else 0),
        bad_rows=max(summary.bad_rows, before.bad_rows if before is not None else 0),
        started_at=started,
        finished_at=ended,
        seconds=_between(started, ended),
        peak_memory_bytes=max(summary.peak_memory, before.peak_memory_bytes if before else 0),
        output=(before.output if before is not None else None) or folder,
        report=f"{folder}/{REPORT_PAGE}" if state == "Succeeded" else None,
        reason=reason,
        message=message,
        labels=before.labels if before is not None else (),
        paired=before.paired if before is not None else (),
    )


@dataclass(frozen=True)
class _Sum:
    """What all pods of a run say together."""

    rows: int
    bad_rows: int
    peak_memory: int

    @staticmethod
    def of(view: RunView) -> _Sum:
        said = [e for e in view.ends if e.summary is not None]
        # One attempt of each shard that came to its end, and above them the end's own count.
        shards = {e.shard: e.summary for e in said if e.exit_code == 0 and e.job == view.name}
        total = [e.summary for e in said if e.exit_code == 0 and e.job != view.name]
        counted = total[:1] or list(shards.values())
        return _Sum(
            rows=sum(s.rows for s in counted if s is not None),
            bad_rows=sum(s.bad_rows for s in counted if s is not None),
            peak_memory=max((e.summary.peak_memory_bytes for e in said if e.summary), default=0),
        )


def _versions(view: RunView) -> tuple[ScoringVersion, ...]:
    making = making_of(view.score)
    if making is None:
        return view.before.versions if view.before is not None else ()
    before = {v.name: v.digest for v in view.before.versions} if view.before is not None else {}
    fetched = fetched_digests(view.pods, [v.name for v in making.versions])
    return tuple(
        ScoringVersion(
            name=v.name,
            bento=v.bento,
            digest=v.digest or fetched.get(v.name) or before.get(v.name),
        )
        for v in making.versions
    )


def _ended(view: RunView, state: RunState) -> str | None:
    if state not in ("Succeeded", "Failed"):
        return None
    for job in (view.finish, view.score):
        if job is not None and (condition := condition_of(job, *COMPLETE, *FAILED)) is not None:
            return str(condition["lastTransitionTime"])
    return view.before.finished_at if view.before is not None else None


def _between(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(0.0, span.total_seconds())
