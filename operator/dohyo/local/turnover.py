"""How many replicas a Deployment has, against what it asks for → whom to start and whom to retire.

This is what Kubernetes' own controllers do with `RollingUpdate`, `maxSurge: 1` and
`maxUnavailable: 0`, which the plan writes into every Deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo.local.pods import ReplicaState

_SURGE = 1


@dataclass(frozen=True)
class Turnover:
    """What to do.

    Attributes:
        starts: how many replicas of the present template.
        retires: names of replicas.
    """

    starts: int = 0
    retires: tuple[str, ...] = ()


def turnover(wanted: int, template: str, replicas: Sequence[ReplicaState]) -> Turnover:
    """The next step towards `wanted` replicas of a template.

    Args:
        wanted: as the Deployment says.
        template: its hash.
        replicas: those that are not retired, oldest first.
    """
    new = [r for r in replicas if r.template == template]
    old = [r for r in replicas if r.template != template]
    if not old:
        return Turnover(max(0, wanted - len(new)), _surplus(new, len(new) - wanted))
    room = max(0, wanted + _SURGE - len(replicas))
    starts = min(room, max(0, wanted - len(new)))
    # An old one goes when those that are ready are enough without it; a broken one at once.
    spare = sum(r.ready for r in replicas) - wanted
    broken = [r for r in old if not r.ready]
    ready = [r for r in old if r.ready]
    retires = tuple(r.name for r in (*broken, *ready[: max(0, spare)]))
    return Turnover(starts, (*retires, *_surplus(new, len(new) - wanted)))


def _surplus(replicas: Sequence[ReplicaState], count: int) -> tuple[str, ...]:
    """Those that go first: whoever is not ready, then the youngest."""
    if count <= 0:
        return ()
    youngest = [*reversed(replicas)]
    return tuple(r.name for r in sorted(youngest, key=lambda r: r.ready)[:count])
