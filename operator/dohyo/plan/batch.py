"""A BatchPrediction and what is seen of it → everything that is to be: the plan.

A Job is written once. Whoever made it is told from its own annotation, so that neither a promotion
nor a new release of the operator changes what goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dohyo.plan.batch_jobs import account, cron_job, finish_job, score_job
from dohyo.plan.batch_names import FINISH, ORDER, SCORE, batch_name, finish_name, run_name, stage_of
from dohyo.plan.batch_order import order_map, order_of
from dohyo.plan.batch_run import (
    AT_ONCE_SECONDS,
    Making,
    is_called_off,
    is_complete,
    is_over,
    making_of,
)
from dohyo.plan.batch_versions import Obstacle, chosen_versions
from dohyo.plan.batch_words import endings, pods_of
from dohyo.plan.observed import ChildKey, Manifest, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.contract.batch_evidence import BatchEvidence
    from dohyo.plan.settings import Settings

# A CronJob's controller may still start a run by the template before this one.
_KEPT_ORDERS: Final = 3


@dataclass(frozen=True)
class BatchObserved:
    """The live objects that concern one BatchPrediction.

    Attributes:
        ring: the ModelDeployment that it names; None when there is none.
        children: that its UID controls.
        scheduled: Jobs that its CronJob controls, by name.
        pods: of all its Jobs.
        labels: what later labels say of runs, by name.
    """

    ring: Manifest | None = None
    children: Mapping[ChildKey, Manifest] = field(default_factory=dict)
    scheduled: Mapping[str, Manifest] = field(default_factory=dict)
    pods: tuple[Manifest, ...] = ()
    labels: Mapping[str, BatchEvidence] = field(default_factory=dict)

    def jobs(self, stage: str) -> dict[str, Manifest]:
        """Jobs that score, or that end runs, by name."""
        own = {key.name: job for key, job in self.children.items() if key.kind == "Job"}
        return {n: job for n, job in {**self.scheduled, **own}.items() if stage_of(job) == stage}


@dataclass(frozen=True)
class Adjustment:
    """A change of a Job that goes on: the few fields that may change."""

    job: Manifest
    patch: dict[str, Any]


@dataclass(frozen=True)
class BatchPlan:
    """What is to be.

    Attributes:
        manifests: complete children that do not exist, or whose like may be changed.
        retain: observed children that no manifest names and that stay.
        adjustments: of Jobs that go on.
        versions: of the next run, or of the one that begins; empty where nothing can begin.
        obstacle: why nothing can begin.
        run: name of the run of what runs once.
    """

    manifests: tuple[dict[str, Any], ...]
    retain: frozenset[ChildKey]
    adjustments: tuple[Adjustment, ...] = ()
    versions: tuple[VersionSpec, ...] = ()
    obstacle: Obstacle | None = None
    run: str | None = None

    @property
    def keys(self) -> frozenset[ChildKey]:
        """Every child that may live on."""
        return frozenset(key_of(m) for m in self.manifests) | self.retain


def plan_batch(bp: BatchPrediction, observed: BatchObserved, settings: Settings) -> BatchPlan:
    """Plans one BatchPrediction.

    Args:
        bp: a valid resource, with its last status.
        observed: what is seen of it.
        settings: of the installation.
    """
    begin = _scheduled if bp.spec.schedule else _once
    begun = begin(bp, observed, settings)
    ends, kept = _ends(bp, observed, settings, begun)
    return BatchPlan(
        manifests=(account(bp), *begun.manifests, *ends),
        retain=begun.retain | kept | _orders(observed, begun),
        adjustments=tuple(_adjustments(bp, observed, begun)),
        versions=begun.versions,
        obstacle=begun.obstacle,
        run=begun.run,
    )


def _once(bp: BatchPrediction, observed: BatchObserved, settings: Settings) -> BatchPlan:
    name = run_name(bp.metadata.name, bp.spec.work)
    key = ChildKey("Job", name)
    if key in observed.children:
        return BatchPlan((), frozenset({key}), run=name)
    known = bp.status.run(name)
    if bp.spec.suspend or (known is not None and known.state == "Succeeded"):
        return BatchPlan((), frozenset(), run=name)
    # A run that goes on where it was goes on with what it began with.
    fixed = tuple(v.name for v in known.versions) if known is not None else ()
    chosen = _chosen(bp, observed, settings, fixed or bp.spec.versions)
    if isinstance(chosen, Obstacle):
        return BatchPlan((), frozenset(), obstacle=chosen, run=name)
    order = order_map(bp, order_of(bp, chosen, settings.runtime))
    making = Making(chosen, order["metadata"]["name"])
    job = score_job(bp, making, settings.runtime, name)
    return BatchPlan((order, job), frozenset(), versions=chosen, run=name)


def _scheduled(bp: BatchPrediction, observed: BatchObserved, settings: Settings) -> BatchPlan:
    chosen = _chosen(bp, observed, settings, bp.spec.versions)
    if isinstance(chosen, Obstacle):
        present = ChildKey("CronJob", batch_name(bp.metadata.name))
        retain = frozenset({present} & observed.children.keys())
        return BatchPlan((), retain, obstacle=chosen)
    order = order_map(bp, order_of(bp, chosen, settings.runtime))
    making = Making(chosen, order["metadata"]["name"])
    cron = cron_job(bp, making, settings.runtime)
    return BatchPlan((order, cron), frozenset(), versions=chosen)


def _chosen(
    bp: BatchPrediction, observed: BatchObserved, settings: Settings, names: tuple[str, ...]
) -> tuple[VersionSpec, ...] | Obstacle:
    return chosen_versions(names, bp.spec.model_deployment, observed.ring, settings.runtime)


def _ends(
    bp: BatchPrediction, observed: BatchObserved, settings: Settings, begun: BatchPlan
) -> tuple[list[dict[str, Any]], frozenset[ChildKey]]:
    """The finish Jobs to be made, and those that stay."""
    manifests, kept = [], set()
    for run, job in _runs(bp, observed, begun).items():
        key = ChildKey("Job", finish_name(run))
        known = bp.status.run(run)
        if key in observed.children:
            kept.add(key)
        elif is_complete(job) and (known is None or known.state != "Succeeded"):
            making = making_of(job)
            if making is not None and settings.runtime.image:
                manifests.append(finish_job(bp, making, settings.runtime, run))
    return manifests, frozenset(kept)


def _runs(bp: BatchPrediction, observed: BatchObserved, begun: BatchPlan) -> dict[str, Manifest]:
    """The score Jobs of the present spec."""
    jobs = observed.jobs(SCORE)
    if bp.spec.schedule:
        return {name: job for name, job in jobs.items() if name in observed.scheduled}
    return {name: job for name, job in jobs.items() if name == begun.run}


def _orders(observed: BatchObserved, begun: BatchPlan) -> frozenset[ChildKey]:
    """ConfigMaps that a Job or the CronJob mounts, and the youngest others."""
    templates = [
        *(job for stage in (SCORE, FINISH) for job in observed.jobs(stage).values()),
        *(
            observed.children[key]["spec"]["jobTemplate"]
            for key in begun.retain
            if key.kind == "CronJob"
        ),
    ]
    mounted = {making.order for t in templates if (making := making_of(t)) is not None}
    maps = [
        (child["metadata"].get("creationTimestamp", ""), key)
        for key, child in observed.children.items()
        if key.kind == "ConfigMap" and stage_of(child) == ORDER
    ]
    young = [key for _, key in sorted(maps, reverse=True)[:_KEPT_ORDERS]]
    return frozenset([*young, *(key for _, key in maps if key.name in mounted)])


def _adjustments(
    bp: BatchPrediction, observed: BatchObserved, begun: BatchPlan
) -> Iterator[Adjustment]:
    jobs = observed.jobs(SCORE) | observed.jobs(FINISH)
    for name, job in jobs.items():
        if is_over(job) or "deletionTimestamp" in job["metadata"]:
            continue
        patch: dict[str, Any] = {}
        if _is_hopeless(job, observed.pods) and not is_called_off(job):
            patch["activeDeadlineSeconds"] = AT_ONCE_SECONDS
        if not bp.spec.schedule and name in {begun.run, finish_name(begun.run or "")}:
            if job["spec"].get("suspend", False) != bp.spec.suspend:
                patch["suspend"] = bp.spec.suspend
            width = min(bp.spec.parallelism, job["spec"].get("completions", 1))
            if job["spec"].get("parallelism", 1) != width:
                patch["parallelism"] = width
        if patch:
            yield Adjustment(job, {"spec": patch})


def _is_hopeless(job: Manifest, pods: tuple[Manifest, ...]) -> bool:
    return any(ending.is_hopeless for ending in endings(pods_of(pods, job)))
