"""From the configuration that Envoy has to the one it is to have, without a lost request.

A cluster exists before a route leads to it, loses its last endpoint after the last route has left
it, and goes when the requests that were on their way are over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Resource(NamedTuple):
    """A cluster's JSON, and whether it has no endpoint."""

    text: bytes
    empty: bool


@dataclass(frozen=True)
class State:
    """What is written.

    Attributes:
        clusters: by name.
        leaving: clusters that no route needs any more, and when each goes, on the clock of `now`.
    """

    clusters: Mapping[str, Resource] = field(default_factory=dict)
    leaving: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """What to write, in this order: `before`, then the routes, then `after`."""

    before: State
    after: State


def steps(state: State, wanted: Mapping[str, Resource], now: float, drain_seconds: float) -> Steps:
    """Plans the way.

    Args:
        state: as last written.
        wanted: the clusters that the new routes lead to.
        now: a clock that never goes back, in seconds.
        drain_seconds: for how long a cluster outlives its last route.
    """
    leaving = {
        name: state.leaving.get(name, now + drain_seconds)
        for name in state.clusters
        if name not in wanted
    }
    kept = {name: state.clusters[name] for name, end in leaving.items() if end > now}
    after = State({**wanted, **kept}, {name: leaving[name] for name in kept})
    everything = {name: state.clusters[name] for name in leaving}
    held = {
        name: state.clusters[name]
        for name, resource in wanted.items()
        if resource.empty and name in state.clusters
    }
    return Steps(before=State({**wanted, **everything, **held}, leaving), after=after)
