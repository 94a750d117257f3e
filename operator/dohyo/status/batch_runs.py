"""Jobs and their pods' last words → the runs of a BatchPrediction, as its status tells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.batch_conditions import BatchReason
from dohyo.api.batch_status import (
    GOING_ON,
    MAX_RUNS,
    BatchRun,
    RunState,
    ScoringVersion,
    ShardCounts,
)
from dohyo.api.conditions import shortened
from dohyo.contract.batch import BAD_ROW, REPORT_PAGE
from dohyo.plan.batch_names import FINISH, LABEL_JOB, SCORE, finish_name
from dohyo.plan.batch_run import (
    COMPLETE,
    FAILED,
    condition_of,
    is_called_off,
    is_complete,
    is_failed,
    making_of,
)
from dohyo.plan.batch_words import Ending, endings
from dohyo.status.batch_pods import fetched_digests, troubles

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.plan.batch import BatchObserved
    from dohyo.plan.observed import Manifest


@dataclass(frozen=True)
class RunView:
    """What is seen of one run.

    Attributes:
        name: of the run.
        score: its score Job.
        finish: its finish Job, once there is one.
        pods: of both.
        ends: how its pods ended.
        before: what the last status said of it.
    """

    name: str
    score: Manifest
    finish: Manifest | None
    pods: tuple[Manifest, ...]
    before: BatchRun | None
    ends: tuple[Ending, ...] = field(default=())

    @property
    def state(self) -> RunState:
        if self.finish is not None:
            if is_complete(self.finish):
                return "Succeeded"
            return "Failed" if is_failed(self.finish) else "Finishing"
        if is_complete(self.score):
            kept = self.before.state if self.before is not None else "Finishing"
            return kept if kept == "Succeeded" else "Finishing"
        if is_failed(self.score):
            return "Failed"
        if self.score["spec"].get("suspend"):
            return "Suspended"
        return "Scoring" if self._has_worked() else "Pending"

    def _has_worked(self) -> bool:
        status = self.score.get("status") or {}
        return bool(status.get("succeeded") or status.get("ready") or self.ends)


def views(bp: BatchPrediction, observed: BatchObserved) -> list[RunView]:
    """The runs that have a Job, the newest first."""
    ends = observed.jobs(FINISH)
    found = []
    for name, job in observed.jobs(SCORE).items():
        names = {name, finish_name(name)}
        pods = tuple(p for p in observed.pods if p["metadata"]["labels"].get(LABEL_JOB) in names)
        finish = ends.get(finish_name(name))
        before = bp.status.run(name)
        found.append(RunView(name, job, finish, pods, before, tuple(endings(pods))))
    return sorted(found, key=lambda view: _started(view.score) or "", reverse=True)


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
    return tuple(kept)


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
    started, ended = _started(view.score), _ended(view, state)
    reason, message = _why(view, state, now)
    folder = f"{bp.spec.output.uri.rstrip('/')}/{view.name}"
    before = view.before
    return BatchRun(
        name=view.name,
        state=state,
        versions=_versions(view),
        shards=_shards(view.score),
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


def _shards(job: Manifest) -> ShardCounts:
    status = job.get("status") or {}
    return ShardCounts(
        total=int(job["spec"].get("completions") or 1),
        done=_count(status.get("completedIndexes")) or int(status.get("succeeded") or 0),
        failed=_count(status.get("failedIndexes")),
    )


def _count(indexes: Any) -> int:
    """How many there are in ``1,3-5,7``."""
    total = 0
    for part in str(indexes or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            total += int(last or first) - int(first) + 1
    return total


def _started(job: Manifest) -> str | None:
    found = (job.get("status") or {}).get("startTime") or job["metadata"].get("creationTimestamp")
    return str(found) if found else None


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


def _why(view: RunView, state: RunState, now: datetime) -> tuple[str | None, str | None]:
    """Reason and message of a run that is not done."""
    if state == "Succeeded":
        return None, None
    if state == "Failed":
        reason, message = _failure(view)
        return reason, shortened(message)
    stuck = max(troubles(view.pods, now), key=lambda t: t.severity, default=None)
    if state != "Suspended" and stuck is not None:
        return stuck.reason, shortened(stuck.message)
    failing = _failing(view)
    if state != "Suspended" and failing is not None:
        reason = BatchReason.POD_FAILS
        if failing.word == "OOMKilled":
            reason = BatchReason.OUT_OF_MEMORY
        return reason, shortened(f"{_place(failing)}{told(failing)}; it is tried again")
    return None, None


def _failing(view: RunView) -> Ending | None:
    """The last failure of a shard, or of the end, that no later attempt has made good."""
    good = {(e.job, e.shard) for e in view.ends if e.exit_code == 0}
    bad = [e for e in view.ends if e.exit_code != 0 and (e.job, e.shard) not in good]
    return bad[-1] if bad else None


def _failure(view: RunView) -> tuple[BatchReason, str]:
    job = view.finish if view.finish is not None and is_failed(view.finish) else view.score
    failed = [e for e in view.ends if e.exit_code != 0 and e.job == job["metadata"]["name"]]
    left = _left(view)
    hopeless = next((e for e in failed if e.is_hopeless), None)
    if hopeless is not None and hopeless.summary is not None:
        said = hopeless.summary
        reason = BatchReason.BAD_ROW if said.reason == BAD_ROW else BatchReason.RUN_HOPELESS
        return reason, f"{_place(hopeless)}{said.reason}: {said.message}{left}"
    killed = next((e for e in failed if e.word == "OOMKilled"), None)
    if killed is not None:
        message = f"{_place(killed)}OOMKilled; raise resources.limits.memory{left}"
        return BatchReason.OUT_OF_MEMORY, message
    condition = condition_of(job, *FAILED) or {}
    overdue = condition.get("reason") == "DeadlineExceeded"
    if overdue and not is_called_off(job):
        message = f"it took longer than {job['spec'].get('activeDeadlineSeconds')} s{left}"
        return BatchReason.DEADLINE_EXCEEDED, message
    if failed:
        return BatchReason.RUN_FAILED, f"{_place(failed[-1])}{told(failed[-1])}{left}"
    return BatchReason.RUN_FAILED, f"{condition.get('message') or 'its Job failed'}{left}"


def told(ending: Ending) -> str:
    """What a pod that failed said."""
    if ending.summary is not None:
        return f"{ending.summary.reason}: {ending.summary.message}"
    said = ending.text or ending.word
    return f"exit code {ending.exit_code}: {said}" if said else f"exit code {ending.exit_code}"


def _place(ending: Ending) -> str:
    return f"shard {ending.shard}: " if ending.shard is not None else ""


def _left(view: RunView) -> str:
    counts = _shards(view.score)
    left = counts.total - counts.done
    return f" ({left} of {counts.total} shards are left)" if left else ""
