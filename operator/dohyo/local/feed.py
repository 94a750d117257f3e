"""The gateway's World as a ring knows it: statuses of ModelDeployments, and ready replicas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dohyo.cluster.kinds import MODEL_DEPLOYMENT, POD
from dohyo.contract import LABEL_DEPLOYMENT, LABEL_VERSION
from dohyo.local.pods import endpoint_of
from dohyo.plan.child_names import child_name
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import World
from dohyo_gateway.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.cluster.exchange import Json
    from dohyo.local.objects import LocalObjects

_HOST = "127.0.0.1"


class LocalFeed:
    """A `dohyo_gateway.feed.Feed` from the objects of a ring."""

    def __init__(self, objects: LocalObjects) -> None:
        self.changed = asyncio.Event()
        self._objects = objects
        self._leaving = False

    def leave(self) -> None:
        """The ring is about to end: Envoy is to say goodbye to its clients."""
        self._leaving = True
        self.changed.set()

    def world(self) -> World:
        tables = {}
        for raw in self._objects.all(MODEL_DEPLOYMENT):
            table = read_table(raw)
            if table is not None:
                tables[f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"] = table
        return World(tables, endpoints(self._objects.all(POD)), self._leaving)

    def is_alive(self, now: float) -> bool:
        return now >= 0  # what tells it of changes is this very process

    async def run(self) -> None:
        self.changed.set()  # it is complete from the start
        await asyncio.Event().wait()


def endpoints(pods: Iterable[Json]) -> dict[ServiceName, Endpoints]:
    """The addresses of each version's Service, as an EndpointSlice would list them."""
    ready: dict[ServiceName, list[Json]] = {}
    closing: dict[ServiceName, list[Json]] = {}
    for pod in pods:
        labels = pod["metadata"]["labels"]
        service = ServiceName(
            pod["metadata"]["namespace"],
            child_name(labels[LABEL_DEPLOYMENT], labels[LABEL_VERSION]),
        )
        if endpoint_of(pod) is None:
            continue
        group = closing if "deletionTimestamp" in pod["metadata"] else ready
        group.setdefault(service, []).append(pod)
    return {
        service: Endpoints(
            http=_addresses(ready.get(service, ()), "http"),
            grpc=_addresses(ready.get(service, ()), "grpc"),
            closing_http=_addresses(closing.get(service, ()), "http"),
            closing_grpc=_addresses(closing.get(service, ()), "grpc"),
        )
        for service in ready.keys() | closing.keys()
    }


def _addresses(pods: Iterable[Json], port: str) -> tuple[Address, ...]:
    found = (endpoint_of(pod) for pod in pods)
    return tuple(sorted(Address(_HOST, e[port]) for e in found if e is not None and e.get(port)))
