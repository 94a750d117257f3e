"""Versions that the routing table has left: kept until no gateway sends them anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dohyo.api.conditions import rfc3339
from dohyo.api.status import RetiringVersion
from dohyo.plan.child_names import child_name, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract import RoutingTable
    from dohyo.plan.observed import ChildKey, Observed


@dataclass(frozen=True)
class Leave:
    """What leaving the ring depends on.

    Attributes:
        deployment: the ModelDeployment's name.
        staying: versions that keep their place.
        table: the present routing table.
        now: the present.
        drain_seconds: how long a version lives on after the last gateway has let go of it.
    """

    deployment: str
    staying: frozenset[str]
    table: RoutingTable
    now: datetime
    drain_seconds: float


@dataclass(frozen=True)
class Retirement:
    """Who is on the way out.

    Attributes:
        retiring: versions whose children still stay, with what they wait for.
        retain: those children.
        again_in: seconds until the next of them may go; None when nothing waits for the clock.
    """

    retiring: tuple[RetiringVersion, ...]
    retain: frozenset[ChildKey]
    again_in: float | None


def retirement(
    known: Mapping[str, RetiringVersion], observed: Observed, leave: Leave
) -> Retirement:
    """Decides for each version that has children but no place any more.

    A version goes when every gateway pod that takes traffic has applied a table without it, and
    the requests under way have had time to end.
    """
    versions = {version_of(child) for child in observed.children.values()}
    leaving = sorted(v for v in versions if v is not None and v not in leave.staying)
    entries = tuple(_entry(known.get(v), v, observed, leave) for v in leaving)
    waiting = tuple(e for e in entries if _remaining(e, leave) > 0)
    names = {e.name for e in waiting}
    waits = [_remaining(e, leave) for e in waiting if e.acknowledged_at is not None]
    return Retirement(
        retiring=waiting,
        retain=frozenset(k for k, m in observed.children.items() if version_of(m) in names),
        again_in=min(waits) if waits else None,
    )


def _entry(
    known: RetiringVersion | None, version: str, observed: Observed, leave: Leave
) -> RetiringVersion:
    since = known.since_epoch if known else leave.table.epoch
    acknowledged = known.acknowledged_at if known else None
    if acknowledged is None and _all_past(observed, since):
        acknowledged = rfc3339(leave.now)
    return RetiringVersion(
        name=version,
        service=child_name(leave.deployment, version),
        since_epoch=since,
        acknowledged_at=acknowledged,
    )


def _all_past(observed: Observed, epoch: int) -> bool:
    """Whether every gateway that takes traffic has applied that epoch or a later one.

    Where no gateway takes traffic nobody has to; where nobody has asked yet, nothing is known.
    """
    return observed.gateways is not None and all(
        g.epoch is not None and g.epoch >= epoch for g in observed.gateways
    )


def _remaining(entry: RetiringVersion, leave: Leave) -> float:
    if entry.acknowledged_at is None:
        return float("inf")
    since = datetime.fromisoformat(entry.acknowledged_at)
    return leave.drain_seconds - (leave.now - since).total_seconds()
