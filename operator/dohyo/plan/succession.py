"""Who is champion now, and which challengers may have their share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.contract import routing_from_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.resource import ModelDeployment
    from dohyo.plan.lineup import Lineup
    from dohyo.plan.readiness import Readiness


@dataclass(frozen=True)
class Succession:
    """The division of the traffic.

    Attributes:
        champion: serves everything that no challenger does.
        shares: live shares of the challengers, in 1/BUCKETS; 0 until they were ready once.
    """

    champion: str
    shares: Mapping[str, int]


def succession(
    md: ModelDeployment,
    who: Lineup,
    ready: Mapping[str, Readiness],
    replicas: Mapping[str, int],
) -> Succession:
    """Divides the traffic over those who can carry it.

    A new champion takes over when all replicas that its share needs are ready, or when the old one
    has none left and the new one has any. A challenger gets its share when it was fully ready once;
    later lapses are the gateway's to bridge. While paused nothing moves.
    """
    if md.spec.paused and md.status.routing:
        table = routing_from_status(md.status.routing)
        return Succession(
            champion=table.champion.name,
            shares={v.name: v.weight for v in table.versions if v.name != table.champion.name},
        )
    champion = _champion(who, ready, replicas)
    proven = _proven(md, who)
    shares = {
        name: share if name in proven or _full(ready[name], replicas[name]) else 0
        for name, share in who.shares.items()
        if name != champion
    }
    return Succession(champion=champion, shares=shares)


def _champion(who: Lineup, ready: Mapping[str, Readiness], replicas: Mapping[str, int]) -> str:
    if who.serving is None or who.serving == who.champion or not ready[who.serving].exists:
        return who.champion
    new, old = ready[who.champion], ready[who.serving]
    if _full(new, replicas[who.champion]) or (new.ready > 0 and old.ready == 0):
        return who.champion
    return who.serving


def _full(state: Readiness, replicas: int) -> bool:
    return state.ready > 0 and state.ready >= replicas


def _proven(md: ModelDeployment, who: Lineup) -> frozenset[str]:
    """Names that were ready before with the content they have now."""
    return frozenset(
        v.name
        for v in md.status.versions
        if v.first_ready_at is not None
        and v.name in who.versions
        and v.content == who.versions[v.name].content
    )
