"""What the store holds against what the API server has: names and versions only.

It tells when the first listing has arrived in full, it notices a watch that delivers nothing any
more, and it finds deletions that a watch has missed while it was being reopened.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import WATCHED, selector_of
from dohyo.cluster.store import older

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dohyo.cluster.client import Client
    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind
    from dohyo.cluster.store import Store

log = logging.getLogger(__name__)

# One kind is counted each time, so that the cost is spread.
_PERIOD_SECONDS = 5.0
# A watch event is there within milliseconds; an event loop under load may take longer.
_GRACE_SECONDS = 15.0
_FIRST_LOOK_SECONDS = 0.2
_FIRST_RELIST_SECONDS = 3.0


class Census:
    """Compares the store with the cluster.

    Args:
        namespaces: that are watched; None is all of them.
        on_gone: called with objects that turn out to be gone without an event.
        kinds: that are watched.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        namespaces: Sequence[str | None],
        on_gone: Callable[[Kind, Json], None],
        kinds: Sequence[Kind] = WATCHED,
    ) -> None:
        self._client = client
        self._store = store
        self._namespaces = namespaces
        self._on_gone = on_gone
        self._kinds = kinds
        self._behind: dict[Kind, str] = {}

    @property
    def behind(self) -> list[str]:
        """What a watch has missed, in words; empty when all are live."""
        return list(self._behind.values())

    async def first(self) -> None:
        """Waits until everything that exists now is in the store."""
        loop = asyncio.get_running_loop()
        missing: dict[Kind, set[str]] = {}
        listed_at = float("-inf")
        while True:
            if loop.time() - listed_at > _FIRST_RELIST_SECONDS:
                missing = {kind: set(await self._listed(kind)) for kind in self._kinds}
                listed_at = loop.time()
            for kind, uids in missing.items():
                uids -= {uid for uid in uids if self._store.seen(kind, uid)}
            if not any(missing.values()):
                return
            await asyncio.sleep(_FIRST_LOOK_SECONDS)

    async def run(self) -> None:
        """Counts one kind after the other, for ever."""
        while True:
            for kind in self._kinds:
                await asyncio.sleep(_PERIOD_SECONDS)
                try:
                    await self._count(kind)
                except ApiError as error:
                    log.warning("%s objects could not be counted: %s", kind.name, error)

    async def _count(self, kind: Kind) -> None:
        before = self._store.versions(kind)
        listed = await self._listed(kind)
        for uid in before.keys() - listed.keys():
            gone = self._store.get(kind, uid)
            if gone is not None:
                self._store.remove(kind, gone)
                log.info("%s %s is gone, seen late", kind.name, gone["metadata"]["name"])
                self._on_gone(kind, gone)
        late = self._late(kind, listed)
        if late:
            await asyncio.sleep(_GRACE_SECONDS)
            now = self._store.versions(kind)
            late = {uid for uid in late if now.get(uid) == before.get(uid)}
            late &= (await self._listed(kind)).keys()
        if late:
            self._behind[kind] = f"{len(late)} changes of {kind.plural} have not arrived"
            log.error("the watch is dead: %s", self._behind[kind])
        else:
            self._behind.pop(kind, None)

    def _late(self, kind: Kind, listed: dict[str, str]) -> set[str]:
        """Objects whose listed state has not reached the store."""
        known = self._store.versions(kind)
        return {
            uid
            for uid, version in listed.items()
            if not (uid in known and (known[uid] == version or older(version, known[uid])))
            and not (uid not in known and self._store.seen(kind, uid))
        }

    async def _listed(self, kind: Kind) -> dict[str, str]:
        """UID → resourceVersion of everything that the API server has of a kind."""
        found: dict[str, str] = {}
        for namespace in self._namespaces:
            pages = self._client.list_pages(kind, namespace, selector_of(kind), metadata_only=True)
            async for page in pages:
                for item in page:
                    metadata = item["metadata"]
                    found[metadata["uid"]] = metadata["resourceVersion"]
        return found
