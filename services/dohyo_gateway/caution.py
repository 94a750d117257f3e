"""Keeps one ModelDeployment that Envoy refuses from holding up all others.

`validation` should leave nothing for Envoy to refuse. If it does all the same, the culprit is found
by halves, goes on with what it had before, and is tried again when it changes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dohyo_gateway.publication import RefusedError
from dohyo_gateway.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dohyo_gateway.snapshot import Compiled

_LOG: Final = logging.getLogger(__name__)


class Caution:
    """Publishes snapshots, and remembers what Envoy has taken and what it has refused."""

    def __init__(self, publish: Callable[[Snapshot], Awaitable[None]]) -> None:
        self._publish = publish
        self._taken = Snapshot({}, {})
        self._refused: dict[str, Compiled] = {}

    @property
    def refused(self) -> tuple[str, ...]:
        """The ModelDeployments that go on with what they had."""
        return tuple(self._refused)

    def doubt(self) -> None:
        """What was published was only written, and Envoy refuses it: everything is a suspect."""
        self._taken = Snapshot({}, {})

    async def publish(self, wanted: Snapshot) -> Snapshot:
        """Brings Envoy to as much of the snapshot as it takes, and returns that.

        Raises:
            RefusedError: Envoy refuses even what changes no ModelDeployment.
        """
        self._refused = {
            key: compiled
            for key, compiled in self._refused.items()
            if wanted.deployments.get(key) is compiled
        }
        suspects = [
            key
            for key, compiled in wanted.deployments.items()
            if self._taken.deployments.get(key) is not compiled and key not in self._refused
        ]
        kept = [key for key in self._taken.deployments if key in wanted.deployments]
        base = _mixed(self._taken, wanted, kept, ())
        self._taken = await self._add(base, wanted, suspects)
        return self._taken

    async def _add(self, base: Snapshot, wanted: Snapshot, keys: Sequence[str]) -> Snapshot:
        more = _mixed(base, wanted, list(base.deployments), keys)
        try:
            await self._publish(more)
        except RefusedError as error:
            if not keys:
                raise
            if len(keys) == 1:
                _LOG.error("%s stays as it was: %s", keys[0], error)
                self._refused[keys[0]] = wanted.deployments[keys[0]]
                return await self._add(base, wanted, ())
            middle = len(keys) // 2
            first = await self._add(base, wanted, keys[:middle])
            return await self._add(first, wanted, keys[middle:])
        return more


def _mixed(base: Snapshot, wanted: Snapshot, kept: Sequence[str], new: Sequence[str]) -> Snapshot:
    """Some of the one, and in their place or beside them some of the other."""
    deployments = {key: base.deployments[key] for key in kept}
    tables = {key: base.tables[key] for key in kept}
    deployments |= {key: wanted.deployments[key] for key in new}
    tables |= {key: wanted.tables[key] for key in new}
    return Snapshot(dict(sorted(deployments.items())), tables)
