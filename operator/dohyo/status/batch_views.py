"""Jobs and pods → what is seen of each run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dohyo.api.batch_status import ShardCounts
from dohyo.plan.batch_names import FINISH, SCORE, finish_name
from dohyo.plan.batch_run import is_complete, is_failed
from dohyo.plan.batch_words import Ending, endings, pods_of

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.api.batch_status import BatchRun, RunState
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
    def is_scheduled(self) -> bool:
        """Whether it is one of several, begun by a schedule or by hand like it."""
        owners = self.score["metadata"].get("ownerReferences") or ()
        return any(owner["kind"] == "CronJob" for owner in owners)

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
        finish = ends.get(finish_name(name))
        pods = tuple(pods_of(observed.pods, job, *([finish] if finish is not None else ())))
        before = bp.status.run(name)
        found.append(RunView(name, job, finish, pods, before, tuple(endings(pods))))
    return sorted(found, key=lambda view: started_at(view.score) or "", reverse=True)


def shards_of(job: Manifest) -> ShardCounts:
    """How far a score Job is."""
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


def started_at(job: Manifest) -> str | None:
    """When a Job began, or at least was made."""
    found = (job.get("status") or {}).get("startTime") or job["metadata"].get("creationTimestamp")
    return str(found) if found else None
