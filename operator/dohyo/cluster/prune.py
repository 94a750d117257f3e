"""Children that no plan names any more → gone.

The cache only says that there is something to do; what is deleted was just read from the API
server, is controlled by this very resource, and still is what was read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dohyo.cluster.errors import ApiError, Stale
from dohyo.cluster.kinds import BATCH_CHILDREN, CHILDREN, kind_named
from dohyo.cluster.store import controller_uid
from dohyo.contract import KIND, LABEL_BATCH, LABEL_DEPLOYMENT, LABEL_MANAGED_BY, MANAGED_BY
from dohyo.plan.observed import ChildKey

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.objects import Objects
    from dohyo.cluster.store import Key, Store

log = logging.getLogger(__name__)


async def prune(
    client: Objects, store: Store, owner: Key, owner_uid: str, keep: AbstractSet[ChildKey]
) -> int:
    """Deletes what is not to be kept; how many objects.

    Raises:
        Stale: one of them changed while it was being deleted; look again.
        ApiError: the API server refused or is away.
    """
    suspects = {
        key
        for key, live in store.children(owner_uid).items()
        if key not in keep and "deletionTimestamp" not in live["metadata"]
    }
    if not suspects:
        return 0
    doomed = []
    for kind in (*CHILDREN, *BATCH_CHILDREN):
        if any(key.kind == kind.name for key in suspects):
            doomed += [
                (kind, live)
                for live in await _live(client, kind.name, owner)
                if controller_uid(live) == owner_uid
                and ChildKey(kind.name, live["metadata"]["name"]) not in keep
                and "deletionTimestamp" not in live["metadata"]
            ]
    changed = False
    for kind, live in doomed:
        name = live["metadata"]["name"]
        try:
            await client.delete(kind, live)
        except ApiError as error:
            if error.conflict:
                changed = True
            elif not error.absent:
                raise
        else:
            log.info("%s %s removed", kind.name, name, extra={"key": str(owner)})
    if changed:
        raise Stale("a child changed while it was being removed")
    return len(doomed)


async def _live(client: Objects, kind: str, owner: Key) -> list[Json]:
    label = LABEL_DEPLOYMENT if owner.kind == KIND else LABEL_BATCH
    labels = f"{LABEL_MANAGED_BY}={MANAGED_BY},{label}={owner.name}"
    pages = client.list_pages(kind_named(kind), owner.namespace, labels)
    return [live async for page in pages for live in page]
