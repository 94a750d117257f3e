"""A status → stored, if it says anything new and the resource still is what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.cluster.errors import ApiError, Stale

if TYPE_CHECKING:
    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind
    from dohyo.cluster.objects import Objects
    from dohyo.cluster.store import Store


async def report(
    client: Objects, store: Store, kind: Kind, raw: Json, status: dict[str, Any]
) -> bool:
    """Stores the status if it says anything new; whether it did.

    Raises:
        Stale: the resource has changed since it was read.
        ApiError: the API server refused or is away.
    """
    before: dict[str, Any] = raw.get("status") or {}
    if status == before:
        return False
    metadata = raw["metadata"]
    try:
        stored = await client.replace_status(raw, kind, status)
    except ApiError as error:
        if error.conflict:
            live = await client.get(kind, metadata["namespace"], metadata["name"])
            store.put(kind, live)
            raise Stale(f"{metadata['name']} changed meanwhile") from error
        if error.absent:
            store.remove(kind, raw)
            raise Stale(f"{metadata['name']} was deleted meanwhile") from error
        raise
    store.put(kind, stored)
    version: str = stored["metadata"]["resourceVersion"]
    return bool(version != metadata["resourceVersion"])
