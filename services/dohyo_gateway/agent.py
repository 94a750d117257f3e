"""The agent's loop: whatever changed, bring Envoy to the present World; count; drain at the end."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dohyo.contract import GatewayReport
from dohyo_gateway.admin import EnvoyAbsentError
from dohyo_gateway.caution import Caution
from dohyo_gateway.ledger import Ledger
from dohyo_gateway.publication import Publication, RefusedError
from dohyo_gateway.telemetry import Telemetry

if TYPE_CHECKING:
    from dohyo_gateway.admin import Admin
    from dohyo_gateway.feed import Feed
    from dohyo_gateway.snapshot import Compiler, Snapshot, World

_LOG: Final = logging.getLogger(__name__)

# Changes that come together are made together.
_DEBOUNCE_SECONDS: Final = 0.005
_READ_SECONDS: Final = 1.0
_FORGET_SECONDS: Final = 300.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_STUCK_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Parts:
    """What an agent is made of.

    Attributes:
        run: tells this agent from those before and after it.
        succeeds: whether another one has served this Envoy's folder before.
    """

    feed: Feed
    compiler: Compiler
    publication: Publication
    admin: Admin
    run: str
    pod: str
    succeeds: bool


class Agent:
    """Keeps one Envoy in step with one feed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._born = time.monotonic()
        self._beat = self._born
        self._counting = asyncio.Lock()
        self._roles: dict[str, dict[str, str]] = {}
        self._told: tuple[str, ...] = ()
        self._drained = False
        self._caution = Caution(parts.publication.publish)
        self.ledger = Ledger(_FORGET_SECONDS)
        self.telemetry = Telemetry(self.ledger)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._parts.feed.run())
            group.create_task(self._keep_in_step())
            group.create_task(self._keep_counting())

    async def drain(self) -> None:
        """Makes Envoy end its clients' connections one by one. Safe to say twice."""
        if not self._drained:
            try:
                await self._parts.admin.drain()
            except EnvoyAbsentError as error:
                _LOG.info("nothing to drain: %s", error)
                return
            self._drained = True
            _LOG.info("draining: every client is told to connect anew with its next answer")

    async def is_ready(self) -> bool:
        """Whether Envoy serves a complete configuration and wants requests."""
        if self._drained:
            return False
        try:
            return (
                await self._parts.admin.is_ready()
                and (await self._parts.admin.applied()).routes != ""
            )
        except EnvoyAbsentError:
            return False

    def is_started(self) -> bool:
        """Whether Envoy has all that it needs to start."""
        return self._parts.publication.is_complete

    def is_alive(self) -> bool:
        """Whether changes would get through."""
        now = time.monotonic()
        return self._parts.feed.is_alive(now) and now - self._beat < _STUCK_SECONDS

    async def is_envoy_alive(self) -> bool:
        """Whether Envoy's main thread answers."""
        try:
            await self._parts.admin.applied()
        except EnvoyAbsentError:
            return False
        return True

    async def report(self) -> GatewayReport:
        """What this gateway has applied and counted."""
        epochs: dict[str, int] = {}
        try:
            epochs = self._parts.publication.epochs(await self._parts.admin.applied())
            await self._count()
        except EnvoyAbsentError as error:
            _LOG.debug("report without Envoy: %s", error)
        return GatewayReport(
            pod=self._parts.pod,
            incarnation=self._parts.run,
            epochs=epochs,
            counters=self.ledger.counters(),
        )

    async def _keep_in_step(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        patience: float | None = None
        while True:
            await self._wait(patience)
            self._beat = time.monotonic()
            patience = _LONGEST_PAUSE_SECONDS
            world = self._parts.feed.world()
            if world is None:
                continue
            if world.leaving:
                await self.drain()
            try:
                await self._bring_to(world)
                pause = _FIRST_PAUSE_SECONDS
                if self._parts.publication.is_unconfirmed:
                    patience = _FIRST_PAUSE_SECONDS
            except (RefusedError, TimeoutError, OSError) as error:
                reason = type(error).__name__.removesuffix("Error")
                self.telemetry.sync_errors.labels(reason).inc()
                why = error or "Envoy does not take a file in time"
                _LOG.error("%s; it goes on with what it has; again in %.1f s", why, pause)
                patience, pause = pause, min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _wait(self, patience: float | None) -> None:
        """Until something changed, a cluster is to be removed, or patience ends."""
        removal = self._parts.publication.next_removal()
        ends = [patience] if patience is not None else []
        if removal is not None:
            ends.append(max(removal - time.monotonic(), 0.0) + _DEBOUNCE_SECONDS)
        changed = self._parts.feed.changed
        try:
            async with asyncio.timeout(min(ends, default=_LONGEST_PAUSE_SECONDS)):
                await changed.wait()
                await asyncio.sleep(_DEBOUNCE_SECONDS)
        except TimeoutError:
            pass
        changed.clear()

    async def _bring_to(self, world: World) -> None:
        began = time.monotonic()
        wanted = self._parts.compiler.compile(world)
        self.ledger.expect(wanted.roles)
        if wanted.roles != self._roles:
            # What was counted until now belongs to the roles until now.
            await self._try_count()
        publication = self._parts.publication
        if publication.is_unconfirmed and not await publication.confirm():
            self._caution.doubt()
        writes = publication.writes
        taken = await self._caution.publish(wanted)
        if publication.writes != writes:
            seconds = time.monotonic() - began
            self.telemetry.sync_seconds.observe(seconds)
            _LOG.info("Envoy has %d ModelDeployments after %.3f s", len(taken.tables), seconds)
        self._roles = taken.roles
        self.ledger.enrol(taken.roles, time.monotonic())
        self._tell()
        self._show_epochs(taken)

    def _tell(self) -> None:
        objections = self._parts.compiler.objections
        for objection in objections:
            if objection not in self._told:
                _LOG.error("%s; the routing table is left out", objection)
        self._told = objections
        keys = {*(text.split(":")[0] for text in objections), *self._caution.refused}
        self.telemetry.refused_tables.set(len(keys))

    def _show_epochs(self, snapshot: Snapshot) -> None:
        self.telemetry.epochs.clear()
        for key, epoch in snapshot.epochs.items():
            self.telemetry.epochs.labels(*key.split("/")).set(epoch)

    async def _keep_counting(self) -> None:
        while True:
            await self._try_count()
            self.ledger.enrol(self._roles, time.monotonic())
            await asyncio.sleep(_READ_SECONDS)

    async def _try_count(self) -> None:
        try:
            await self._count()
        except EnvoyAbsentError:
            self.telemetry.envoy_up.set(0)

    async def _count(self) -> None:
        async with self._counting:
            reading = await self._parts.admin.reading()
            now = time.monotonic()
            # An Envoy older than this agent has been counted by the agent before.
            is_ours = not self._parts.succeeds or reading.uptime <= now - self._born
            self.ledger.settle(reading, now, counts_from_zero=is_ours)
            self.telemetry.envoy_up.set(1)
