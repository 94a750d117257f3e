"""A finished pass → the whole status, as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import ConditionType, Reason, Wanted, merge
from dohyo.api.resource import parse_metadata
from dohyo.api.status import ModelDeploymentStatus, summary_of
from dohyo.api.transition_rules import NAME_BOUND
from dohyo.api.unsupported import unsupported
from dohyo.contract import routing_to_status
from dohyo.plan.observed import ChildKey
from dohyo.status.fit import fitted
from dohyo.status.rollouts import evidence_fresh, paused
from dohyo.status.versions import Pass, fetched_of, version_statuses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dohyo.api import conditions
    from dohyo.api.resource import ModelDeployment
    from dohyo.api.status import VersionStatus
    from dohyo.api.violations import Violation
    from dohyo.plan.applied import Applied
    from dohyo.plan.desired import Plan
    from dohyo.plan.observed import Observed


def derive(
    md: ModelDeployment, plan: Plan, observed: Observed, applied: Applied, now: datetime
) -> dict[str, Any]:
    """The status after a pass, as JSON values in camelCase."""
    run = Pass(md, plan, observed, applied, now)
    versions = version_statuses(run)
    wanted = _wanted(run, versions)
    champion = plan.routing.champion.name
    serving = plan.lineup.versions.get(champion)
    rollouts = plan.ruling.rollouts
    steps = len(md.spec.rollout.steps) if md.spec.rollout else 0
    status = md.status.model_copy(
        update={
            **plan.ruling.status,
            "observed_generation": md.metadata.generation,
            "url": f"http://{md.metadata.name}.{md.metadata.namespace}",
            "champion": champion,
            "serving": serving.as_kept() if serving is not None else md.status.serving,
            "phase": _phase(run, wanted),
            "summary": summary_of(versions, rollouts, steps),
            "versions": versions,
            "routing": routing_to_status(plan.routing),
            "retiring": plan.retirement.retiring,
            "conditions": merge(md.status.conditions, wanted, now, md.metadata.generation),
        }
    )
    return fitted(status).as_raw()


def invalid(
    raw: Mapping[str, Any], violations: Iterable[Violation], now: datetime
) -> dict[str, Any]:
    """The status of a resource that cannot be carried out: all stays as it was, and says why."""
    metadata = parse_metadata(raw)
    before = _readable(raw)
    found = tuple(violations)
    message = "; ".join(str(v) for v in found)
    wanted = [
        Wanted(
            type=ConditionType.INVALID,
            status="True",
            reason=_why_invalid(found),
            message=message,
        ),
        *(_kept(before, kind) for kind in (ConditionType.AVAILABLE,)),
    ]
    status = before.model_copy(
        update={
            "observed_generation": metadata.generation,
            "phase": "Invalid",
            "conditions": merge(before.conditions, wanted, now, metadata.generation),
        }
    )
    return status.as_raw()


def _why_invalid(violations: tuple[Violation, ...]) -> Reason:
    if any(v.rule == NAME_BOUND for v in violations):
        return Reason.NAME_BOUND
    if any(".podTemplate" in v.path for v in violations):
        return Reason.POD_TEMPLATE_REFUSED
    return Reason.SPEC_INVALID


def _readable(raw: Mapping[str, Any]) -> ModelDeploymentStatus:
    try:
        return ModelDeploymentStatus.model_validate(raw.get("status") or {})
    except ValueError:
        return ModelDeploymentStatus()


def _kept(before: ModelDeploymentStatus, kind: ConditionType) -> Wanted:
    """What was true of the pods is still true: an invalid spec stops nothing."""
    found = before.condition(kind)
    if found is None:
        return Wanted(
            type=kind,
            status="False",
            reason=Reason.CHAMPION_NOT_READY,
            message="no valid spec has been carried out yet",
        )
    return Wanted(
        type=kind, status=found.status, reason=Reason(found.reason), message=found.message
    )


def _wanted(run: Pass, versions: tuple[VersionStatus, ...]) -> list[Wanted]:
    findings = [
        _available(run, versions),
        _progressing(run, versions),
        _degraded(run, versions),
        _name_conflict(run),
        _unsupported(run),
        paused(run),
        evidence_fresh(run),
        _equipped(run),
    ]
    return [f for f in findings if f is not None]


def _available(run: Pass, versions: tuple[VersionStatus, ...]) -> Wanted:
    champion = next(v for v in versions if v.role == "champion")
    if champion.ready_replicas == 0:
        why = champion.message or "it has no ready replica"
        return _say(
            ConditionType.AVAILABLE, "False", Reason.CHAMPION_NOT_READY, f"{champion.name}: {why}"
        )
    if all(g.epoch is None for g in run.observed.gateways or ()):
        return _say(
            ConditionType.AVAILABLE,
            "False",
            Reason.GATEWAY_NOT_READY,
            "no ready gateway pod leads to it yet",
        )
    return _say(ConditionType.AVAILABLE, "True", Reason.CHAMPION_SERVES, f"{champion.name} serves")


def _progressing(run: Pass, versions: tuple[VersionStatus, ...]) -> Wanted:
    kind = ConditionType.PROGRESSING
    coming = run.plan.lineup.champion
    starting = [v for v in versions if v.state in ("Pending", "Starting")]
    rolling = [v for v in versions if v.reason == Reason.ROLLING_OUT]
    if coming != run.plan.routing.champion.name:
        state = next(v for v in versions if v.name == coming)
        return _say(
            kind,
            "True",
            Reason.VERSION_STARTING,
            f"{coming} is to be champion; {state.message or 'it takes over'}",
        )
    if starting:
        return _say(
            kind, "True", Reason.VERSION_STARTING, f"{starting[0].name}: {starting[0].message}"
        )
    if rolling:
        return _say(kind, "True", Reason.ROLLING_OUT, f"{rolling[0].name}: {rolling[0].message}")
    epoch = run.plan.routing.epoch
    behind = [g.pod for g in run.observed.gateways or () if g.epoch is None or g.epoch < epoch]
    if behind:
        return _say(
            kind, "True", Reason.TRAFFIC_SHIFTING, f"waiting for the gateway to apply epoch {epoch}"
        )
    draining = [r.name for r in run.plan.retirement.retiring]
    if draining:
        return _say(kind, "True", Reason.DRAINING, f"{', '.join(draining)} finishes its requests")
    return _say(kind, "False", Reason.STEADY, "nothing is on its way")


def _degraded(run: Pass, versions: tuple[VersionStatus, ...]) -> Wanted:
    kind = ConditionType.DEGRADED
    for version in versions:
        if version.state in ("Failed", "Degraded") and version.reason:
            return _say(kind, "True", Reason(version.reason), f"{version.name}: {version.message}")
    if run.applied.failures:
        first = run.applied.failures[0]
        return _say(
            kind,
            "True",
            Reason.CLUSTER_ERROR,
            f"{first.key.kind} {first.key.name}: {first.message}",
        )
    return _say(kind, "False", Reason.HEALTHY, "every version has its replicas")


def _name_conflict(run: Pass) -> Wanted | None:
    if not run.applied.conflicts:
        return None
    words = ", ".join(f"{key.kind} {key.name}" for key in sorted(run.applied.conflicts))
    entry = ChildKey("Service", run.md.metadata.name)
    if entry in run.applied.conflicts:
        way_out = "delete it or rename this ModelDeployment"
    elif any(key.kind == "Secret" for key in run.applied.conflicts):
        way_out = "delete it: the namespace's keys belong there"
    else:
        way_out = "delete it or rename the version"
    return _say(
        ConditionType.NAME_CONFLICT,
        "True",
        Reason.FOREIGN_OBJECT,
        f"{words} exists and is not ours, so it was left alone; {way_out}",
    )


def _unsupported(run: Pass) -> Wanted | None:
    found = unsupported(run.md.spec)
    if not found:
        return None
    return _say(
        ConditionType.UNSUPPORTED,
        "True",
        Reason.FIELD_UNSUPPORTED,
        "; ".join(str(f) for f in found),
    )


def _equipped(run: Pass) -> Wanted | None:
    """Absent while nothing is known: nobody looks into images."""
    known = {name: word for name in run.plan.staying if (word := fetched_of(run, name))}
    bare = [name for name, word in known.items() if not word.has_library]
    if bare:
        message = (
            f"{', '.join(bare)}: made without dohyo_serving, so routing, weights, scaling and the "
            "gateway's metrics work, and prediction ids, the Open Inference Protocol, gRPC, drift "
            "and gates on quality do not"
        )
        return _say(ConditionType.EQUIPPED, "False", Reason.LIBRARY_MISSING, message)
    if not known:
        return None
    message = f"{', '.join(known)}: made with dohyo_serving"
    return _say(ConditionType.EQUIPPED, "True", Reason.LIBRARY_USED, message)


def _say(
    kind: ConditionType, status: conditions.ConditionStatus, reason: Reason, message: str
) -> Wanted:
    return Wanted(type=kind, status=status, reason=reason, message=message)


# The word that is printed: of the first condition that has this status.
_PHASES: tuple[tuple[ConditionType, conditions.ConditionStatus, str], ...] = (
    (ConditionType.NAME_CONFLICT, "True", "Conflict"),
    (ConditionType.DEGRADED, "True", "Degraded"),
    (ConditionType.AVAILABLE, "False", "Starting"),
    (ConditionType.PAUSED, "True", "Paused"),
    (ConditionType.PROGRESSING, "True", "Progressing"),
)


def _phase(run: Pass, wanted: list[Wanted]) -> str:
    states = {(w.type, w.status) for w in wanted}
    quiet = "OnTrial" if any(r.trial for r in run.plan.ruling.rollouts) else "Serving"
    return next((word for kind, status, word in _PHASES if (kind, status) in states), quiet)
