"""The World as a Kubernetes cluster tells it: ModelDeployments and EndpointSlices."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import (
    GROUP,
    LABEL_DEPLOYMENT,
    PLURAL,
    VERSION,
    RoutingTable,
)
from dohyo_gateway.endpoints import LABEL_SERVICE, Slice, by_service, is_terminating, read_slice
from dohyo_gateway.reflection import Kind, Reflection
from dohyo_gateway.snapshot import World
from dohyo_gateway.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubernetes.aio import client

_SLICES: Final = ("discovery.k8s.io", "v1", "endpointslices")

# Longer than the longest silence of a healthy watch, its pauses and its time-outs.
_DEAD_SECONDS: Final = 240.0


@dataclass(frozen=True)
class Scope:
    """Whom the gateway serves, and which pod it is.

    Attributes:
        namespaces: of the ModelDeployments; empty means all.
        namespace, service, pod: the gateway's own.
    """

    namespaces: tuple[str, ...]
    namespace: str
    service: str
    pod: str


class ClusterFeed:
    """A `feed.Feed` from the cluster's API."""

    def __init__(self, api: client.ApiClient, scope: Scope) -> None:
        self.changed = asyncio.Event()
        self._scope = scope
        places: tuple[str | None, ...] = scope.namespaces or (None,)
        note = self.changed.set
        self._deployments = [
            Reflection(api, Kind(GROUP, VERSION, PLURAL, place), read_table, note)
            for place in places
        ]
        self._slices = [
            Reflection(api, Kind(*_SLICES, place, LABEL_DEPLOYMENT), read_slice, note)
            for place in places
        ]
        own = Kind(*_SLICES, scope.namespace, f"{LABEL_SERVICE}={scope.service}")
        self._own = Reflection(api, own, self._read_own, note)

    def world(self) -> World | None:
        # Without its own Service's slices a gateway serves as well; it only would not drain early.
        if not all(each.is_complete for each in (*self._deployments, *self._slices)):
            return None
        tables = {
            f"{namespace}/{name}": table
            for (namespace, name), table in _all(self._deployments)
            if isinstance(table, RoutingTable)
        }
        slices = [found for _, found in _all(self._slices) if isinstance(found, Slice)]
        leaving = any(is_leaving is True for is_leaving in self._own.found.values())
        return World(tables, by_service(slices), leaving)

    def is_alive(self, now: float) -> bool:
        every = (*self._deployments, *self._slices, self._own)
        return all(now - each.last_attempt < _DEAD_SECONDS for each in every)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in (*self._deployments, *self._slices, self._own):
                group.create_task(each.run())

    def _read_own(self, manifest: Mapping[str, Any]) -> bool:
        return is_terminating(manifest, self._scope.pod)


def _all(reflections: Iterable[Reflection]) -> list[tuple[tuple[str, str], object]]:
    return [entry for reflection in reflections for entry in reflection.found.items()]
