"""What the operator asks of whoever keeps the objects: the API server, or a ring on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind


class Objects(Protocol):
    """Reads and writes by kind, with the API server's own meaning of versions and conflicts.

    Every method raises ApiError when it is refused or cannot be done.
    """

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """One object as it is now."""
        ...

    def list_pages(
        self, kind: Kind, namespace: str | None, labels: str = "", *, metadata_only: bool = False
    ) -> AsyncIterator[list[Json]]:
        """All objects of a kind, in pages of one snapshot."""
        ...

    async def apply(self, manifest: Mapping[str, Any]) -> Json:
        """Server-side apply; the object as it is then."""
        ...

    async def replace_status(self, live: Mapping[str, Any], kind: Kind, status: Json) -> Json:
        """Sets the whole status of the object if it still is the one that was seen."""
        ...

    async def delete(self, kind: Kind, live: Mapping[str, Any]) -> None:
        """Deletes the object if it still is the one that was seen."""
        ...

    async def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Json:
        """Creates an object that does not exist yet."""
        ...

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Json) -> Json:
        """Merges some fields into an object."""
        ...
