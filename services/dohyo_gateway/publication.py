"""Writes what Envoy reads, step by step, each step after Envoy has taken the one before."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

import orjson

from dohyo_gateway import snapshot as snapshots
from dohyo_gateway import transition
from dohyo_gateway.admin import Admin, Applied, EnvoyAbsentError
from dohyo_gateway.bootstrap import BOOTSTRAP_FILE, CLUSTER_FILE, ROUTE_FILE
from dohyo_gateway.transition import Resource, State

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from dohyo_gateway.snapshot import Snapshot

_LOG: Final = logging.getLogger(__name__)

# Envoy takes 0.01 s for a few ModelDeployments, and 0.5 s of CPU for 1,000.
APPLY_SECONDS: Final = 20.0
_REMEMBERED: Final = 4
_ASK_AGAIN_SECONDS: Final = 0.004
_ASK_AGAIN_AT_MOST_SECONDS: Final = 0.05


class RefusedError(Exception):
    """Envoy does not take a file; it goes on with the one before."""


class Publication:
    """The folder that one Envoy reads.

    Args:
        folder: shared with Envoy.
        admin: of this Envoy, which need not run yet.
        drain_seconds: for how long a cluster outlives its last route.
        run: distinguishes this process's file versions from those of its predecessors.

    Attributes:
        writes: how many files have been written.
    """

    def __init__(self, folder: Path, admin: Admin, drain_seconds: float, run: str) -> None:
        self._folder = folder
        self._admin = admin
        self._drain_seconds = drain_seconds
        self._run = run
        self.writes = 0
        self._state = self._proven = State()
        self._clusters_written: dict[str, bytes] | None = None
        self._routes_written: bytes | None = None
        self._unconfirmed: dict[str, str] = {}
        self._epochs: dict[str, dict[str, int]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether all that Envoy needs to start has been written, be it by a predecessor."""
        files = (BOOTSTRAP_FILE, CLUSTER_FILE, ROUTE_FILE)
        return all((self._folder / name).exists() for name in files)

    def prepare(self, bootstrap: dict[str, Any], now: float) -> bool:
        """Makes the folder, writes the bootstrap, and takes over what a predecessor has left.

        Returns:
            Whether there was a predecessor.
        """
        for name in (CLUSTER_FILE, ROUTE_FILE):
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write(self._folder / BOOTSTRAP_FILE, orjson.dumps(bootstrap))
        try:
            found = orjson.loads((self._folder / CLUSTER_FILE).read_bytes())["resources"]
        except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
            return False
        clusters = {entry["name"]: Resource(orjson.dumps(entry), empty=False) for entry in found}
        self._state = State(clusters, dict.fromkeys(clusters, now + self._drain_seconds))
        return True

    def epochs(self, applied: Applied) -> dict[str, int]:
        """The epochs of the routing tables that Envoy runs with, by "namespace/name"."""
        return self._epochs.get(applied.routes, {})

    @property
    def is_unconfirmed(self) -> bool:
        """Whether something was written that Envoy has not taken yet, since it did not run."""
        return bool(self._unconfirmed)

    async def confirm(self) -> bool:
        """Asks an Envoy that has started since what it made of the files.

        Returns:
            False if it refused one; all that was written since it last took one is forgotten.
        """
        try:
            applied = await self._admin.applied()
        except EnvoyAbsentError:
            return True
        taken = {CLUSTER_FILE: applied.clusters, ROUTE_FILE: applied.routes}
        refused = {CLUSTER_FILE: applied.clusters_refused, ROUTE_FILE: applied.routes_refused}
        for name, version in list(self._unconfirmed.items()):
            if taken[name] == version:
                del self._unconfirmed[name]
            elif refused[name]:
                self._clusters_written = self._routes_written = None
                self._state = self._proven
                self._unconfirmed.clear()
                return False
        if not self._unconfirmed:
            self._proven = self._state
        return True

    def next_removal(self) -> float | None:
        """When the next cluster is to go, on the clock of `publish`."""
        return min(self._state.leaving.values(), default=None)

    async def publish(self, snapshot: Snapshot) -> None:
        """Brings Envoy to the snapshot, or only the files while it does not run.

        Raises:
            RefusedError: Envoy does not take it; what it has stays.
            TimeoutError: Envoy runs and does not take it in time.
        """
        empty = snapshot.empty
        wanted = {name: Resource(text, name in empty) for name, text in snapshot.clusters.items()}
        steps = transition.steps(self._state, wanted, time.monotonic(), self._drain_seconds)
        await self._clusters(steps.before)
        await self._routes(snapshots.route_file(snapshot, ""), snapshot.epochs)
        await self._clusters(steps.after)
        if not self._unconfirmed:
            self._proven = self._state

    async def _clusters(self, state: State) -> None:
        texts = {name: resource.text for name, resource in state.clusters.items()}
        if texts != self._clusters_written:
            # Until Envoy has taken the file nobody knows what it has of it.
            self._clusters_written = None
            version = self._next_version()
            await self._put(CLUSTER_FILE, snapshots.cluster_file(texts, version), version)
            self._clusters_written = texts
        self._state = state

    async def _routes(self, unversioned: bytes, epochs: dict[str, int]) -> None:
        if unversioned == self._routes_written:
            return
        version = self._next_version()
        # Known before it is applied: a report may ask in between. What was refused is forgotten.
        self._epochs = dict(list(self._epochs.items())[-_REMEMBERED:]) | {version: epochs}
        stamp = b'"version_info":"%b"' % version.encode()
        content = unversioned.replace(b'"version_info":""', stamp, 1)
        self._routes_written = None
        await self._put(ROUTE_FILE, content, version)
        self._routes_written = unversioned

    async def _put(self, name: str, content: bytes, version: str) -> None:
        try:
            before: Applied | None = await self._admin.applied()
        except EnvoyAbsentError:
            before = None
        await asyncio.to_thread(_write, self._folder / name, content)
        self._unconfirmed[name] = version
        if before is not None and await self._is_taken(name, version, before):
            del self._unconfirmed[name]

    async def _is_taken(self, name: str, version: str, before: Applied) -> bool:
        """Waits until Envoy runs with the file; False if it ends meanwhile."""
        pause = _ASK_AGAIN_SECONDS
        async with asyncio.timeout(APPLY_SECONDS):
            while True:
                try:
                    applied = await self._admin.applied()
                except EnvoyAbsentError:
                    return False
                if version in (applied.clusters, applied.routes):
                    return True
                refused = applied.clusters_refused + applied.routes_refused
                if refused > before.clusters_refused + before.routes_refused:
                    why = await self._admin.refusal() or "its log says why"
                    raise RefusedError(f"Envoy refuses {name}, version {version}: {why}")
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _ASK_AGAIN_AT_MOST_SECONDS)

    def _next_version(self) -> str:
        self.writes += 1
        return f"{self._run}.{self.writes}"


def _write(path: Path, content: bytes) -> None:
    """Replaces the file at once: Envoy sees the old one or the new one."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_bytes(content)
    unfinished.replace(path)
