"""A ring from its start to its end: the operator's reconcile, the gateway and the processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from dohyo.cluster.feed import Feed
from dohyo.cluster.kinds import DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, POD
from dohyo.cluster.store import Key, Store
from dohyo.local.control import Control
from dohyo.local.feed import LocalFeed
from dohyo.local.gateway import HOST, Ports, find_envoy
from dohyo.local.objects import LocalObjects
from dohyo.local.parts import Premises, assemble
from dohyo.local.ports import ensure_free, free_port
from dohyo.local.processes import Household, end_leftovers
from dohyo.local.recall import recalled
from dohyo.local.state import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from pathlib import Path
    from typing import Any, TypeAlias

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind
    from dohyo.local.evidence import LocalEvidence
    from dohyo.local.parts import Parts
    from dohyo.local.state import StateFolder
    from dohyo.local.workloads import Workloads
    from dohyo.workqueue import WorkQueue

    Watch: TypeAlias = Callable[["Ring"], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """One thing that happened, for whoever watches.

    Attributes:
        about: name of the ModelDeployment; empty for the ring itself.
        reason: in one word.
        message: in a sentence.
        namespace: of the ModelDeployment.
    """

    about: str
    reason: str
    message: str
    namespace: str = ""


@dataclass(frozen=True)
class Options:
    """What a ring is told.

    Attributes:
        port: of requests.
        files: that it was started with, for those who ask.
        environ: variables of the operator's configuration (scaling windows, drain).
    """

    port: int
    files: tuple[str, ...]
    environ: Mapping[str, str]


class Ring:
    """One ring in a folder that it holds.

    Args:
        options: what it is told.
        state: its folder, held.
        tell: gets everything that happens.
    """

    def __init__(self, options: Options, state: StateFolder, tell: Callable[[Told], None]) -> None:
        self._options = options
        self._state = state
        self._tell = tell
        self._household = Household(state.processes)
        self._objects = LocalObjects(self._take)
        self._store = Store()
        self._feed = Feed(self._store, self._enqueue)
        self._gateway_feed = LocalFeed(self._objects)
        self._ports = Ports(options.port, free_port(), free_port(), free_port())
        self._queue: WorkQueue[Key] | None = None
        self._workloads: Workloads | None = None
        self._evidence: LocalEvidence | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._options.port}"

    def present(self, namespace: str, name: str) -> Json | None:
        """The ModelDeployment as it is now, or as a former ring has left it."""
        return self._objects.find(MODEL_DEPLOYMENT, namespace, name)

    def recall(self) -> None:
        """Takes up the resources that a former ring has remembered."""
        for raw in self._state.remembered():
            self._objects.put(MODEL_DEPLOYMENT, recalled(raw))

    def forget(self, namespace: str, name: str) -> None:
        """Drops a ModelDeployment with all that has been decided about it."""
        self._objects.drop(MODEL_DEPLOYMENT, namespace, name)

    def adopt(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """Makes these the ModelDeployments of the ring, and no others.

        Args:
            resources: valid, admitted, each with its namespace.
        """
        named = set()
        for raw in resources:
            metadata = raw["metadata"]
            namespace, name = metadata["namespace"], metadata["name"]
            named.add((namespace, name))
            before = self._objects.find(MODEL_DEPLOYMENT, namespace, name)
            wanted = {"metadata": dict(metadata), "spec": raw["spec"]}
            if before is not None:
                given = {**(before["metadata"].get("annotations") or {})}
                given |= metadata.get("annotations") or {}
                wanted["metadata"]["annotations"] = given
                wanted["status"] = before.get("status", {})
                if before["spec"] == wanted["spec"]:
                    continue
            self._objects.put(MODEL_DEPLOYMENT, wanted)
        for raw in self._objects.all(MODEL_DEPLOYMENT):
            metadata = raw["metadata"]
            if (metadata["namespace"], metadata["name"]) not in named:
                self._objects.drop(MODEL_DEPLOYMENT, metadata["namespace"], metadata["name"])

    def kill(self) -> None:
        """Ends every process at once."""
        self._household.kill_all()

    async def run(self, watch: Watch, stop: asyncio.Event) -> None:
        """Runs until `stop` is set, and ends in order.

        Args:
            watch: adopts resources, first at once and then whenever they change.
            stop: asks for the end.

        Raises:
            RingError: it cannot begin or cannot go on.
        """
        envoy = find_envoy()
        for leftover in end_leftovers(self._state.processes):
            message = f"process {leftover.process} ({leftover.name}) of a former ring was ended"
            self._tell(Told("", "CleanedUp", message))
        ensure_free(self._options.port)
        await self._household.open()
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(self._household.close)
            session = await ending.enter_async_context(aiohttp.ClientSession())
            control = Control(self._objects, self.url)
            await control.open(self._state.socket)
            ending.push_async_callback(control.close)
            await self._carry_out(assemble(self._premises(session, envoy)), watch, stop)

    def _premises(self, session: aiohttp.ClientSession, envoy: Path) -> Premises:
        return Premises(
            state=self._state,
            household=self._household,
            objects=self._objects,
            store=self._store,
            feed=self._gateway_feed,
            ports=self._ports,
            session=session,
            envoy=envoy,
            environ=self._options.environ,
            on_replica=self._stir_workloads,
        )

    async def _carry_out(self, parts: Parts, watch: Watch, stop: asyncio.Event) -> None:
        self._queue, self._workloads = parts.queue, parts.workloads
        self._evidence = parts.evidence
        for raw in self._store.deployments():
            metadata = raw["metadata"]
            parts.queue.add(Key(metadata["namespace"], metadata["name"]))
        serving = asyncio.create_task(parts.gateway.run(), name="gateway")
        supervising = asyncio.create_task(parts.workloads.run(), name="workloads")
        judging = asyncio.create_task(parts.evidence.run(), name="evidence")
        # Replicas take longest to start, so nothing waits for the gateway.
        deciding = [
            asyncio.create_task(watch(self), name="files"),
            asyncio.create_task(parts.gateways.run(parts.stir), name="gateways"),
            asyncio.create_task(parts.inquire(), name="inquirer"),
            asyncio.create_task(parts.decide(), name="reconcile"),
        ]
        ready = asyncio.create_task(parts.gateway.ready(), name="ready")
        everybody = (serving, supervising, judging, *deciding)
        try:
            await _until((ready, *everybody), stop)
            if not stop.is_set():
                self._announce()
                await _until(everybody, stop)
        finally:
            # In this order: nothing is decided any more, nobody asks any more, all end.
            await _cancel([ready, *deciding])
            await parts.gateway.farewell()
            await _cancel([supervising, serving])
            await parts.workloads.end()
            # Last: what the replicas had to tell is told by now.
            await _cancel([judging])

    def _announce(self) -> None:
        agent, evidence = (f"http://{HOST}:{p}" for p in (self._ports.agent, self._ports.evidence))
        presence = Presence(os.getpid(), self.url, agent, evidence, self._options.files)
        self._state.announce(presence)

    def _take(self, kind: Kind, event: str, raw: Json) -> None:
        """Every change of an object passes here."""
        if kind is EVENT:
            if event != "DELETED":
                self._tell(_told(raw))
            return
        self._feed.take(kind, event, raw)
        if kind is MODEL_DEPLOYMENT:
            self._state.remember(self._objects.all(MODEL_DEPLOYMENT))
        if kind in (MODEL_DEPLOYMENT, POD):
            self._gateway_feed.changed.set()
        if kind is DEPLOYMENT:
            self._stir_workloads()
        if kind is MODEL_DEPLOYMENT and self._evidence is not None:
            self._evidence.stirred.set()

    def _enqueue(self, key: Key, after: float) -> None:
        if self._queue is not None:
            self._queue.add(key, after)

    def _stir_workloads(self) -> None:
        if self._workloads is not None:
            self._workloads.stirred.set()


async def _until(tasks: Iterable[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Waits for the first of the tasks to end, or for the request to stop; raises as it did."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((*tasks, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    for task in done:
        task.result()


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    for outcome in await asyncio.gather(*ending, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.debug("at the end: %r", outcome)


def _told(event: Json) -> Told:
    about = event["involvedObject"]
    return Told(about["name"], event["reason"], event["message"], about["namespace"])
