"""The division of the traffic → the gateway's routing table, with a new epoch when it differs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dohyo.contract import (
    ROLE_CHALLENGER,
    ROLE_CHAMPION,
    ROLE_PREVIOUS,
    RoutedVersion,
    RoutingTable,
    routing_from_status,
)
from dohyo.plan.buckets import Intervals, allocate
from dohyo.plan.child_names import child_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.api.resource import ModelDeployment
    from dohyo.plan.observed import GatewayEpoch
    from dohyo.plan.succession import Succession
    from dohyo.verdict.ruling import Ruling


@dataclass(frozen=True)
class _Seats:
    """Who is to be in the table, in its order."""

    champion: str
    others: tuple[str, ...]
    buckets: dict[str, Intervals]
    ruling: Ruling


def routing(
    md: ModelDeployment,
    division: Succession,
    ruling: Ruling,
    names: Iterable[str],
    gateways: Iterable[GatewayEpoch],
) -> RoutingTable:
    """The table that follows the one in the status.

    Args:
        md: the resource, with the present table in its status.
        division: who gets how much.
        ruling: which trials there are, and where on the line they have their parts.
        names: all versions that can be pinned, in the order of the spec.
        gateways: what they have applied; epochs go on from there when a status was lost.
    """
    previous = routing_from_status(md.status.routing) if md.status.routing else None
    if md.spec.paused and previous is not None:
        return previous
    held = {v.name: v.buckets for v in previous.versions} if previous else {}
    others = (name for name in names if name != division.champion)
    seats = _Seats(
        champion=division.champion,
        # Those that only answer pinned requests come last: when the spec drops one that was
        # beaten, or keeps it, the table does not change.
        others=tuple(sorted(others, key=lambda name: name in ruling.beaten)),
        buckets=allocate(held, division.shares, ruling.starts),
        ruling=ruling,
    )
    table = _table(md, seats)
    if previous is None:
        return replace(table, epoch=1 + max((g.epoch or 0 for g in gateways), default=0))
    unchanged = replace(table, epoch=previous.epoch)
    return previous if unchanged == previous else replace(table, epoch=previous.epoch + 1)


def _table(md: ModelDeployment, seats: _Seats) -> RoutingTable:
    traffic = md.spec.traffic
    header = traffic.sticky_by.header.lower() if traffic.sticky_by else None
    # Without trials entities are dealt anew only when the key itself changes.
    fixed = hashlib.sha256(f"{md.metadata.uid}/{header}".encode()).hexdigest()[:8]
    versions = [_routed(md, seats, seats.champion, ROLE_CHAMPION)]
    versions += [
        _routed(md, seats, name, _role(name, seats.ruling.beaten)) for name in seats.others
    ]
    return RoutingTable(
        epoch=1,
        trial=seats.ruling.trial or fixed,
        salt=seats.ruling.salt or fixed,
        sticky_header=header,
        timeout_seconds=float(traffic.timeout_seconds),
        retries=traffic.retries,
        versions=tuple(versions),
        slow_seconds=seats.ruling.slow_seconds,
        bad_codes=seats.ruling.bad_codes,
    )


def _role(name: str, beaten: frozenset[str]) -> str:
    return ROLE_PREVIOUS if name in beaten else ROLE_CHALLENGER


def _routed(md: ModelDeployment, seats: _Seats, name: str, role: str) -> RoutedVersion:
    portion = seats.ruling.portions.get(name)
    return RoutedVersion(
        name=name,
        service=child_name(md.metadata.name, name),
        role=role,
        buckets=seats.buckets.get(name, ()) if role == ROLE_CHALLENGER else (),
        shadow=portion.shadow if portion and role == ROLE_CHALLENGER else 0,
    )
