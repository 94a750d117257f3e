"""The same one way for a BatchPrediction: look, plan, apply, adjust, report, prune, tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.batch_resource import parse_batch
from dohyo.api.violations import InvalidResource
from dohyo.cluster.errors import ApiError, Incomplete, Stale
from dohyo.cluster.kinds import BATCH_PREDICTION, JOB
from dohyo.cluster.prune import prune
from dohyo.cluster.report import report
from dohyo.cluster.store import Key
from dohyo.plan.batch import BatchObserved, plan_batch
from dohyo.status.batch import derive_batch, invalid_batch
from dohyo.status.batch_events import batch_events
from dohyo.status.batch_labels import to_be_labelled
from dohyo.status.pods import next_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dohyo.cluster.apply import Applier
    from dohyo.cluster.batch_labels import BatchLabels
    from dohyo.cluster.exchange import Json
    from dohyo.cluster.objects import Objects
    from dohyo.cluster.recorder import Recorder
    from dohyo.cluster.store import Store
    from dohyo.plan.applied import Applied
    from dohyo.plan.batch import Adjustment
    from dohyo.plan.settings import Settings

# When nothing tells of a change: a name that is taken may become free.
_LOOK_AGAIN_SECONDS = 30.0
# A CronJob's controller looks every few seconds.
_AFTER_THE_TIME_SECONDS = 5.0


@dataclass(frozen=True)
class BatchWorld:
    """What a pass over a BatchPrediction works with.

    Attributes:
        store: live objects.
        client: writes.
        applier: writes children.
        recorder: writes events.
        settings: of the installation.
        now: the present, with a time zone.
        labels: knows what later labels say of runs; None where nobody can be asked.
    """

    store: Store
    client: Objects
    applier: Applier
    recorder: Recorder
    settings: Settings
    now: Callable[[], datetime]
    labels: BatchLabels | None = None


class BatchReconciler:
    """Reconciles BatchPredictions, one pass each time it is called."""

    def __init__(self, world: BatchWorld) -> None:
        self._world = world
        self._uids: dict[Key, str] = {}

    async def __call__(self, key: Key) -> float | None:
        """One pass; seconds until the next one is due without any event, or None.

        Raises:
            Stale, Incomplete, ApiError, LeadershipLost: it is to be made again later.
        """
        world = self._world
        raw = world.store.batch(key)
        if raw is None:
            if (gone := self._uids.pop(key, None)) is not None:
                world.applier.forget(gone)
            if world.labels is not None:
                world.labels.forget(key)
            return None
        if "deletionTimestamp" in raw["metadata"]:
            return None  # Jobs and their pods go with their owner
        uid = raw["metadata"]["uid"]
        self._uids[key] = uid
        try:
            bp = parse_batch(raw, allow_host_access=world.settings.allow_host_access)
        except InvalidResource as error:
            await self._report(raw, invalid_batch(raw, error.violations, world.now()))
            return None
        observed = self._observed(key, raw)
        planned = plan_batch(bp, observed, world.settings)
        applied = await world.applier.apply(uid, planned.manifests)
        changed = applied.changed + await self._adjust(planned.adjustments)
        if changed:
            # What was just written is part of what the status tells.
            observed = self._observed(key, raw)
        status = derive_batch(bp, planned, observed, applied, world.now())
        if world.labels is not None:
            world.labels.inquire(key, bp.spec.model_deployment, to_be_labelled(status))
        reported = await self._report(raw, status)
        if applied.failures:
            raise Incomplete(applied.failures[0].message)
        pruned = await prune(world.client, world.store, key, uid, planned.keys)
        if reported or pruned or changed:
            return 0.0  # until a pass finds nothing to do
        return _next_look(status, observed, applied, world.now())

    def concerned(self, changed: Key) -> Iterator[Key]:
        """BatchPredictions that a ModelDeployment's change may concern."""
        for raw in self._world.store.batches():
            metadata = raw["metadata"]
            if _model_of(raw) == changed:
                yield Key(metadata["namespace"], metadata["name"], BATCH_PREDICTION.name)

    def _observed(self, key: Key, raw: Json) -> BatchObserved:
        labels = self._world.labels.known(key) if self._world.labels is not None else {}
        return replace(observe_batch(self._world.store, key, raw), labels=labels)

    async def _report(self, raw: Json, status: dict[str, Any]) -> bool:
        world = self._world
        reported = await report(world.client, world.store, BATCH_PREDICTION, raw, status)
        if reported:
            await world.recorder.record(raw, batch_events(raw.get("status") or {}, status))
        return reported

    async def _adjust(self, adjustments: Iterable[Adjustment]) -> int:
        """Changes the few fields of a Job that goes on which may change; how many Jobs.

        Raises:
            Stale: a Job changed since it was seen.
        """
        world, count = self._world, 0
        for adjustment in adjustments:
            metadata = adjustment.job["metadata"]
            seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
            patch = {**adjustment.patch, "metadata": seen}
            namespace, name = metadata["namespace"], metadata["name"]
            try:
                stored = await world.client.merge(JOB, namespace, name, patch)
            except ApiError as error:
                if error.conflict or error.absent:
                    await self._look(namespace, name)
                    raise Stale(f"Job {name} changed meanwhile") from error
                raise
            world.store.put(JOB, stored)
            count += 1
        return count

    async def _look(self, namespace: str, name: str) -> None:
        """The Job as it is now, into the store; when it is gone, the watch tells."""
        try:
            self._world.store.put(JOB, await self._world.client.get(JOB, namespace, name))
        except ApiError as error:
            if not error.absent:
                raise


def observe_batch(store: Store, key: Key, raw: Json) -> BatchObserved:
    """What is known of a BatchPrediction."""
    children = store.children(raw["metadata"]["uid"])
    crons = [child for child_key, child in children.items() if child_key.kind == "CronJob"]
    scheduled = {
        job_key.name: job
        for cron in crons
        for job_key, job in store.children(cron["metadata"]["uid"]).items()
        if job_key.kind == JOB.name
    }
    model = _model_of(raw)
    return BatchObserved(
        ring=store.deployment(model) if model is not None else None,
        children=children,
        scheduled=scheduled,
        pods=store.pods(key),
    )


def _model_of(raw: Mapping[str, Any]) -> Key | None:
    name = (raw.get("spec") or {}).get("modelDeployment")
    return Key(raw["metadata"]["namespace"], name) if isinstance(name, str) else None


def _next_look(
    status: Mapping[str, Any], observed: BatchObserved, applied: Applied, now: datetime
) -> float | None:
    """Seconds until time alone, or somebody who tells nobody, may have changed something."""
    due = status.get("nextSchedule")
    waits = (
        _LOOK_AGAIN_SECONDS if applied.conflicts else None,
        next_look(observed.pods, now),
        (datetime.fromisoformat(due) - now).total_seconds() + _AFTER_THE_TIME_SECONDS
        if due
        else None,
    )
    return min((max(1.0, wait) for wait in waits if wait is not None), default=None)
