"""Spec and observation → everything that is to be: the plan.

The plan is a function of its arguments: the same resource in the same world at the same time gets
the same plan, with or without a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.api.defaults import effective_scaling
from dohyo.plan.bento_delivery import delivered
from dohyo.plan.bento_workload import workload
from dohyo.plan.child_names import child_name
from dohyo.plan.contender import Contender
from dohyo.plan.entry_service import entry_service
from dohyo.plan.lineup import Lineup, lineup
from dohyo.plan.load import Load
from dohyo.plan.observed import ChildKey, key_of
from dohyo.plan.readiness import Readiness, readiness
from dohyo.plan.retirement import Leave, Retirement, retirement
from dohyo.plan.routing import routing
from dohyo.plan.scaling import Demand, Size, size, total_load
from dohyo.plan.succession import Succession, succession
from dohyo.verdict.ruling import Ruling, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dohyo.api.resource import ModelDeployment
    from dohyo.contract import RoutingTable
    from dohyo.plan.observed import Observed
    from dohyo.plan.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What is to be.

    Attributes:
        manifests: complete children, in the order in which they are applied.
        retain: observed children that no manifest names but that must stay for now.
        routing: the gateway's table.
        lineup: the versions with pods.
        staying: those of them that keep their place, in the order of the spec.
        sizes: replicas by version.
        ready: the pods that each version has, by version.
        retirement: versions on the way out.
        ruling: who is to serve, who is on trial, and why.
        unserved: versions with a uri where the installation has no image to run it.
        requeue_after: seconds until time alone changes the plan; None when it does not.
    """

    manifests: tuple[dict[str, Any], ...]
    retain: frozenset[ChildKey]
    routing: RoutingTable
    lineup: Lineup
    staying: tuple[str, ...]
    sizes: Mapping[str, Size]
    ready: Mapping[str, Readiness]
    retirement: Retirement
    ruling: Ruling
    unserved: frozenset[str]
    requeue_after: float | None

    @property
    def keys(self) -> frozenset[ChildKey]:
        """Every child that may live on."""
        return frozenset(key_of(m) for m in self.manifests) | self.retain


def plan(md: ModelDeployment, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """Plans one ModelDeployment.

    Args:
        md: a valid resource, with its last status.
        observed: its live children, pods, gateways and load.
        settings: of the installation.
        now: the present, with a time zone.
    """
    ruling = verdict(md, observed.evidence, now, settings.warm_seconds)
    who = lineup(md, ruling)
    ready = {name: readiness(observed, child_name(md.metadata.name, name)) for name in who.versions}
    sizes = _sized(md, who, observed, settings, now)
    division = succession(md, who, ready, {name: s.replicas for name, s in sizes.items()})
    staying = _staying(md, who, division, ruling)
    table = routing(md, division, ruling, staying, observed.gateways or ())
    leaving = retirement(
        {r.name: r for r in md.status.retiring},
        observed,
        Leave(
            deployment=md.metadata.name,
            staying=frozenset(staying) | {v.name for v in table.versions},
            table=table,
            now=now,
            drain_seconds=settings.drain_seconds,
        ),
    )
    manifests = _manifests(md, who, staying, sizes, settings)
    return Plan(
        manifests=manifests,
        retain=leaving.retain | _unspecified(observed, table, staying, md),
        routing=table,
        lineup=who,
        staying=staying,
        sizes=sizes,
        ready=ready,
        retirement=leaving,
        unserved=frozenset(
            name for name in staying if delivered(who.versions[name], settings.runtime) is None
        ),
        ruling=ruling,
        requeue_after=min(
            (wait for wait in (leaving.again_in, ruling.again_in) if wait is not None),
            default=None,
        ),
    )


def sized(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> dict[str, Size]:
    """The replicas that every version with pods should have now."""
    ruling = verdict(md, observed.evidence, now, settings.warm_seconds)
    return _sized(md, lineup(md, ruling), observed, settings, now)


def _sized(
    md: ModelDeployment, who: Lineup, observed: Observed, settings: Settings, now: datetime
) -> dict[str, Size]:
    """Replicas for every version of the line-up, by its load and its share."""
    clock = now.timestamp()
    return {
        name: size(
            Demand(
                scaling=(scaling := effective_scaling(md.spec, version)),
                load=observed.load.get(name, Load()),
                share=who.expected[name],
                replicas=_replicas(observed, child_name(md.metadata.name, name)),
            ),
            total_load(scaling.metric, observed.load, settings.windows.stable, clock),
            settings.windows,
            clock,
        )
        for name, version in who.versions.items()
    }


def _replicas(observed: Observed, child: str) -> int | None:
    deployment = observed.children.get(ChildKey("Deployment", child))
    return int(deployment["spec"].get("replicas", 1)) if deployment is not None else None


def _staying(
    md: ModelDeployment, who: Lineup, division: Succession, ruling: Ruling
) -> tuple[str, ...]:
    """Versions that keep their place: of the spec, whoever still serves, and who did last."""
    places = {md.spec.champion.name, *(c.name for c in md.spec.challengers), division.champion}
    if ruling.warm is not None:
        places.add(ruling.warm.name)
    return tuple(name for name in who.versions if name in places)


def _manifests(
    md: ModelDeployment,
    who: Lineup,
    staying: tuple[str, ...],
    sizes: Mapping[str, Size],
    settings: Settings,
) -> tuple[dict[str, Any], ...]:
    manifests = [entry_service(md.metadata, settings.gateway_host)]
    for name in staying:
        version = who.versions[name]
        how = delivered(version, settings.runtime)
        if how is None:
            continue  # nothing here can run it; the status says why
        contender = Contender(
            owner=md.metadata,
            version=version,
            scaling=effective_scaling(md.spec, version),
            timeout_seconds=float(md.spec.traffic.timeout_seconds),
            deadline_seconds=md.spec.rollout.progress_deadline_seconds if md.spec.rollout else None,
            delivered=how,
            runtime=settings.runtime,
        )
        manifests += workload(contender, sizes[name], settings.drain_seconds)
    return tuple(manifests)


def _unspecified(
    observed: Observed, table: RoutingTable, staying: tuple[str, ...], md: ModelDeployment
) -> frozenset[ChildKey]:
    """Children of versions that are still routed although no specification of theirs is left.

    That is a challenger which was removed while the deployment is paused.
    """
    routed = {child_name(md.metadata.name, v.name) for v in table.versions} - {
        child_name(md.metadata.name, name) for name in staying
    }
    return frozenset(key for key in observed.children if key.name in routed)
