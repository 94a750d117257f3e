"""What each version does, and why it does no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.api.conditions import Reason, rfc3339, shortened
from dohyo.api.status import Role, VersionState, VersionStatus
from dohyo.contract import ANNOTATION_BENTO
from dohyo.plan.child_names import child_name, version_of
from dohyo.plan.observed import ChildKey, key_of
from dohyo.plan.readiness import readiness
from dohyo.status.fetched import Fetched, fetched
from dohyo.status.pods import trouble

if TYPE_CHECKING:
    from datetime import datetime

    from dohyo.api.resource import ModelDeployment
    from dohyo.plan.applied import Applied
    from dohyo.plan.desired import Plan
    from dohyo.plan.observed import Manifest, Observed


@dataclass(frozen=True)
class Pass:
    """One reconcile, seen from its end.

    Attributes:
        md: the resource as it was read.
        plan: what was to be.
        observed: what was before.
        applied: what became of the plan.
        now: the present.
    """

    md: ModelDeployment
    plan: Plan
    observed: Observed
    applied: Applied
    now: datetime


@dataclass(frozen=True)
class _Finding:
    state: VersionState
    reason: Reason | None = None
    message: str | None = None


def version_statuses(run: Pass) -> tuple[VersionStatus, ...]:
    """The serving champion first, then the others of the line-up, then those on their way out."""
    champion = run.plan.routing.champion.name
    staying = sorted(run.plan.staying, key=lambda name: name != champion)
    leaving = sorted(r.name for r in run.plan.retirement.retiring)
    unspecified = sorted({v.name for v in run.plan.routing.versions} - set(staying))
    return (
        *(_present(run, name) for name in staying),
        *(_childs_word(run, name, "challenger", "Ready") for name in unspecified),
        *(_childs_word(run, name, "previous", "Draining") for name in leaving),
    )


def _present(run: Pass, name: str) -> VersionStatus:
    version = run.plan.lineup.versions[name]
    finding, found = _finding(run, name), fetched_of(run, name)
    return VersionStatus(
        name=name,
        role=_role(run, name),
        bento=version.bento,
        weight=run.plan.routing.share(name) / 100,
        shadow=_shadow(run, name),
        replicas=run.plan.sizes[name].replicas,
        ready_replicas=run.plan.ready[name].ready,
        state=finding.state,
        reason=finding.reason,
        message=shortened(finding.message) if finding.message else None,
        first_ready_at=_first_ready(run, name),
        content=version.content,
        digest=found.digest if found is not None else None,
    )


def _role(run: Pass, name: str) -> Role:
    if name == run.plan.routing.champion.name:
        return "champion"
    return "previous" if name in run.plan.ruling.beaten else "challenger"


def _shadow(run: Pass, name: str) -> float:
    return next((v.shadow / 100 for v in run.plan.routing.versions if v.name == name), 0.0)


def fetched_of(run: Pass, name: str) -> Fetched | None:
    """What is known of a version's bento; None of one in an image of its own."""
    return fetched(pod for pod in run.observed.pods if version_of(pod) == name)


def _first_ready(run: Pass, name: str) -> str | None:
    content = run.plan.lineup.versions[name].content
    before = run.md.status.version(name)
    if before is not None and before.content == content and before.first_ready_at is not None:
        return before.first_ready_at
    ready = run.plan.ready[name].ready
    return rfc3339(run.now) if 0 < run.plan.sizes[name].replicas <= ready else None


def _finding(run: Pass, name: str) -> _Finding:
    ready = run.plan.ready[name]
    child = child_name(run.md.metadata.name, name)
    foreign = sorted(key for key in run.applied.conflicts if key.name == child)
    if foreign:
        message = f"{foreign[0].kind} {child} exists and is not ours; delete or rename it"
        return _Finding("Failed", Reason.FOREIGN_OBJECT, message)
    if name in run.plan.unserved:
        message = "no image runs what uri leads to; set the chart's runtime.image, or give an image"
        return _Finding("Failed", Reason.NO_RUNTIME, message)
    refused = next((f for f in run.applied.failures if f.key.name == child), None)
    if refused is not None:
        message = f"{refused.key.kind} {child}: {refused.message}"
        return _Finding("Degraded" if ready.ready else "Failed", Reason.CLUSTER_ERROR, message)
    if _has_lost_its_image_volume(run, child):
        message = "this cluster offers no image volumes; set the chart's runtime.imageVolumes=false"
        return _Finding("Failed", Reason.BENTO_NOT_AVAILABLE, message)
    if not ready.exists:
        return _Finding("Pending", Reason.VERSION_STARTING, "its Deployment is being made")
    return _of_pods(run, name, child)


def _has_lost_its_image_volume(run: Pass, child: str) -> bool:
    """Whether the API server has dropped a volume that it does not know, without a word."""
    key = ChildKey("Deployment", child)
    planned = next((m for m in run.plan.manifests if key_of(m) == key), None)
    live = run.observed.children.get(key)
    if planned is None or live is None:
        return False
    return bool(_image_volumes(planned) - _image_volumes(live))


def _image_volumes(deployment: Manifest) -> set[str]:
    template = deployment["spec"].get("template", {})
    volumes = template.get("spec", {}).get("volumes", ())
    return {volume["name"] for volume in volumes if "image" in volume}


def _of_pods(run: Pass, name: str, child: str) -> _Finding:
    ready, wanted = run.plan.ready[name], run.plan.sizes[name].replicas
    count = f"{ready.ready} of {wanted} replicas ready"
    pods = [pod for pod in run.observed.pods if version_of(pod) == name]
    bad = trouble(pods, run.now)
    refusal = _refusal(run.observed, child)
    if bad is None and refusal is not None:
        return _Finding("Degraded" if ready.ready else "Failed", *refusal)
    if bad is not None and (ready.ready < wanted or not ready.current):
        state: VersionState = "Degraded" if ready.ready else "Failed"
        return _Finding(state, bad.reason, f"{count}; {bad.message}")
    if ready.ready == 0 and wanted > 0:
        return _Finding("Starting", Reason.VERSION_STARTING, count)
    if ready.ready < wanted or not ready.current:
        proven = _first_ready(run, name) is not None
        return _Finding("Ready" if proven else "Starting", Reason.ROLLING_OUT, count)
    return _Finding("Ready")


def _refusal(observed: Observed, child: str) -> tuple[Reason, str] | None:
    """Why the cluster makes no pods for this Deployment (quota, admission), in its own words."""
    deployment = observed.children[ChildKey("Deployment", child)]
    conditions = {c["type"]: c for c in deployment.get("status", {}).get("conditions", ())}
    failure = conditions.get("ReplicaFailure")
    if failure is not None and failure["status"] == "True":
        return Reason.POD_REFUSED, f"{failure.get('reason')}: {failure.get('message')}"
    progress = conditions.get("Progressing")
    if progress is not None and progress.get("reason") == Reason.DEADLINE_EXCEEDED:
        return Reason.DEADLINE_EXCEEDED, str(progress.get("message"))
    return None


def _childs_word(run: Pass, name: str, role: Role, state: VersionState) -> VersionStatus:
    """What can be said of a version that no specification is left of."""
    child = child_name(run.md.metadata.name, name)
    deployment = run.observed.children.get(ChildKey("Deployment", child))
    metadata = deployment["metadata"] if deployment is not None else {}
    pods = readiness(run.observed, child)
    return VersionStatus(
        name=name,
        role=role,
        bento=metadata.get("annotations", {}).get(ANNOTATION_BENTO, ""),
        weight=run.plan.routing.share(name) / 100,
        replicas=pods.wanted,
        ready_replicas=pods.ready,
        state=state,
        reason=Reason.DRAINING if state == "Draining" else None,
    )
