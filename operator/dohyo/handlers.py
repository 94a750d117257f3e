"""kopf's watches → the feed of the store and the queue.

kopf keeps the watches up and is asked for nothing else: it sets no finalizer, writes no
annotation, posts no event and looks for no peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kopf

from dohyo.cluster.kinds import selector_of
from dohyo.cluster.streams import WATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import aiohttp

    from dohyo.cluster.feed import Feed
    from dohyo.cluster.kinds import Kind

_PAGE = 250


def registry_of(
    feed: Feed, kinds: Iterable[Kind], server: str, session: aiohttp.ClientSession
) -> kopf.OperatorRegistry:
    """What kopf is to do: watch every kind by a session of ours, and feed what it sees."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=session)

    for kind in kinds:
        _watch(registry, kind, feed)
    return registry


def _watch(registry: kopf.OperatorRegistry, kind: Kind, feed: Feed) -> None:
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)
    async def take(event: kopf.RawEvent, **_: Any) -> None:
        raw: Any = event["object"]
        feed.take(kind, event["type"], raw)


def settings_of(kinds: Iterable[Kind]) -> kopf.OperatorSettings:
    """Nothing but watches, and none of them for ever."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.scanning.disabled = True
    for kind in kinds:
        if selector := selector_of(kind):
            settings.watching.label_selectors[_is(kind)] = selector
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_SECONDS + 30
    settings.watching.connect_timeout = 5
    settings.watching.chunk_size = _PAGE
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    # Longer than the Lease: by then another process watches.
    settings.networking.error_backoffs = (0.2, 0.5, *[1.0] * 20)
    settings.queueing.idle_timeout = 0.2
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    return settings


def _is(kind: Kind) -> Callable[[kopf.Resource], bool]:
    return lambda resource: (resource.group, resource.plural) == (kind.group, kind.plural)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is compared and nothing stored; the default copies every object for each event."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """No progress is kept on objects: a raw event is handled at once or not at all."""

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence
