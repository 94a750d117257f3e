"""Deployments → supervised replicas, and back: their Pods and the Deployments' statuses."""

from __future__ import annotations

import asyncio
import itertools
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dohyo.api.conditions import rfc3339
from dohyo.cluster.kinds import DEPLOYMENT, POD
from dohyo.contract import LABEL_DEPLOYMENT, LABEL_VERSION
from dohyo.local.orders import order_of
from dohyo.local.pods import LABEL_TEMPLATE, ReplicaState, manifest
from dohyo.local.replica import Replica
from dohyo.local.turnover import turnover

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from dohyo.cluster.exchange import Json
    from dohyo.local.objects import LocalObjects
    from dohyo.local.orders import Order
    from dohyo.local.replica import Surroundings

log = logging.getLogger(__name__)


class Workloads:
    """Keeps as many replicas of each Deployment as it asks for.

    Args:
        objects: holds the Deployments and gets the Pods.
        surroundings: of all replicas.
        logs: folder that gets a folder of logs for each version.

    Attributes:
        stirred: to be set when a Deployment or a replica has changed.
    """

    def __init__(self, objects: LocalObjects, surroundings: Surroundings, logs: Path) -> None:
        self.stirred = asyncio.Event()
        self._objects = objects
        self._surroundings = surroundings
        self._logs = logs
        self._replicas: dict[str, Replica] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, ReplicaState] = {}
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            await self.stirred.wait()
            self.stirred.clear()
            self._bury()
            known: set[tuple[str, str]] = set()
            for deployment in self._objects.all(DEPLOYMENT):
                metadata = deployment["metadata"]
                known.add((metadata["namespace"], metadata["name"]))
                self._turn_over(deployment)
            self._retire_orphans(known)
            self._show()
            for deployment in self._objects.all(DEPLOYMENT):
                self._report(deployment)

    async def end(self) -> None:
        """Tells every replica to end, and waits until all have."""
        for replica in self._replicas.values():
            replica.retire(drain=False)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _turn_over(self, deployment: Json) -> None:
        order = order_of(deployment)
        here = self._of(deployment)
        step = turnover(int(deployment["spec"]["replicas"]), order.template, here)
        for name in step.retires:
            log.info("%s is retired", name)
            self._replicas[name].retire()
        for _ in range(step.starts):
            self._begin(deployment, order)

    def _begin(self, deployment: Json, order: Order) -> None:
        metadata = deployment["metadata"]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        name = f"{metadata['name']}-{order.template[:5]}-{next(self._numbers)}"
        folder = f"{metadata['namespace']}.{labels[LABEL_DEPLOYMENT]}"
        path = self._logs / folder / labels[LABEL_VERSION] / f"{name}.log"
        state = ReplicaState(
            name=name,
            namespace=metadata["namespace"],
            labels={**labels, LABEL_TEMPLATE: order.template},
            log=str(path),
            created_at=rfc3339(datetime.now(UTC)),
            owner=_owner(deployment),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        replica = Replica(state, order, self._surroundings)
        self._replicas[name] = replica
        task = asyncio.create_task(replica.run(), name=name)
        task.add_done_callback(lambda _: self.stirred.set())
        self._tasks[name] = task
        log.info("%s begins, its log is %s", name, path)

    def _bury(self) -> None:
        """Takes away replicas that have ended."""
        for name, task in list(self._tasks.items()):
            if not task.done():
                continue
            replica = self._replicas.pop(name)
            del self._tasks[name]
            self._told.pop(name, None)
            self._objects.drop(POD, replica.state.namespace, name)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s: %s: %s", name, type(error).__name__, error)

    def _retire_orphans(self, known: set[tuple[str, str]]) -> None:
        for replica in self._replicas.values():
            state = replica.state
            if (state.namespace, str(state.owner["name"])) not in known:
                replica.retire()

    def _show(self) -> None:
        for name, replica in self._replicas.items():
            if self._told.get(name) is not replica.state:
                self._told[name] = replica.state
                self._objects.put(POD, manifest(replica.state))

    def _report(self, deployment: Json) -> None:
        metadata = deployment["metadata"]
        here = self._of(deployment)
        template = order_of(deployment).template
        status: dict[str, Any] = {
            "observedGeneration": metadata["generation"],
            "replicas": len(here),
            "updatedReplicas": sum(s.template == template for s in here),
            "readyReplicas": sum(s.ready for s in here),
        }
        self._objects.set_status(DEPLOYMENT, metadata["namespace"], metadata["name"], status)

    def _of(self, deployment: Json) -> list[ReplicaState]:
        """Replicas of a Deployment that are not on their way out, oldest first."""
        metadata = deployment["metadata"]
        return [
            r.state
            for r in self._replicas.values()
            if (r.state.namespace, r.state.owner["name"])
            == (metadata["namespace"], metadata["name"])
            and r.state.retired_at is None
        ]


def _owner(deployment: Json) -> dict[str, Any]:
    metadata = deployment["metadata"]
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.name,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
