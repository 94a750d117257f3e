"""Whether every watch is still being kept up.

The API server ends each watch after a while and kopf opens the next one. A stream that nobody has
opened for longer than that is dead, however quiet the cluster is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from dohyo.cluster.kinds import WATCHED, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import SimpleNamespace

    from dohyo.cluster.kinds import Kind
    from dohyo.telemetry import Telemetry

# What the API server is asked to limit each watch to, and what reopening may take on top.
WATCH_SECONDS = 240
_REOPENING_SECONDS = 90.0

_KINDS = {kind.path(None).rpartition("/")[2]: kind.name for kind in watched(batch=True)}


class Streams:
    """Notes when each watch was opened.

    Args:
        server: address of the API server; a proxy's may have a path.
        namespaces: that are watched; None is all of them.
        clock: monotonic seconds.
        kinds: that are watched.
    """

    def __init__(
        self,
        server: str,
        namespaces: Iterable[str | None],
        telemetry: Telemetry,
        clock: Callable[[], float],
        kinds: Iterable[Kind] = WATCHED,
    ) -> None:
        self._base = urlsplit(server).path.rstrip("/")
        self._clock = clock
        self._telemetry = telemetry
        started = clock()
        scopes = tuple(namespaces)
        self._opened = {kind.path(ns): started for kind in kinds for ns in scopes}

    def trace(self) -> aiohttp.TraceConfig:
        """What the session of the watches reports its requests to."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._on_answer)
        trace.on_request_exception.append(self._on_failure)
        return trace

    def dead(self) -> list[str]:
        """Paths of watches that have not been opened for too long."""
        oldest = self._clock() - WATCH_SECONDS - _REOPENING_SECONDS
        return sorted(path for path, opened in self._opened.items() if opened < oldest)

    async def _on_answer(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        path = end.url.path.removeprefix(self._base)
        watching = "watch" in end.url.query
        if watching and end.response.status == 200 and path in self._opened:
            self._opened[path] = self._clock()
        self._count(path, watching=watching, code=end.response.status)

    async def _on_failure(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        failure: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._count(failure.url.path, watching="watch" in failure.url.query, code=0)

    def _count(self, path: str, *, watching: bool, code: int) -> None:
        kind = _KINDS.get(path.rpartition("/")[2])
        verb = "get" if kind is None else "watch" if watching else "list"
        self._telemetry.api_request(verb, kind or "Discovery", code)
