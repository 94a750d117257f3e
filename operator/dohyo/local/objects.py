"""The objects of a ring in memory, kept the way an API server keeps them.

Versions, generations, conflicts and owners mean what they mean on a cluster, so that applying,
pruning, reporting and recording are the operator's own.
"""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import rfc3339
from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import CHILDREN, EVENT, kind_named
from dohyo.cluster.store import controller_uid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind

_Name = tuple[str, str]
# Events are told as they come; what is kept is for somebody who asks later.
_KEPT_EVENTS = 500


class LocalObjects:
    """Implements `dohyo.cluster.objects.Objects`, and tells a listener of every change.

    Args:
        on_change: gets the kind, ADDED, MODIFIED or DELETED, and the object.
    """

    def __init__(self, on_change: Callable[[Kind, str, Json], None]) -> None:
        self._on_change = on_change
        self._objects: dict[Kind, dict[_Name, Json]] = {}
        self._version = 1

    def all(self, kind: Kind) -> list[Json]:
        """Every object of a kind, by namespace and name."""
        known = self._objects.get(kind, {})
        return [copy.deepcopy(known[name]) for name in sorted(known)]

    def find(self, kind: Kind, namespace: str, name: str) -> Json | None:
        found = self._objects.get(kind, {}).get((namespace, name))
        return copy.deepcopy(found) if found is not None else None

    def put(self, kind: Kind, raw: Mapping[str, Any]) -> Json:
        """Creates an object or replaces all of it; what identifies it stays."""
        metadata = raw["metadata"]
        before = self._objects.get(kind, {}).get((metadata["namespace"], metadata["name"]))
        return self._store(kind, before, copy.deepcopy(dict(raw)))

    def drop(self, kind: Kind, namespace: str, name: str) -> None:
        """Removes an object, and what it controls, if it is there."""
        gone = self._objects.get(kind, {}).pop((namespace, name), None)
        if gone is None:
            return
        self._on_change(kind, "DELETED", self._stamped(gone))
        for child in CHILDREN:
            for owned in self.all(child):
                if controller_uid(owned) == gone["metadata"]["uid"]:
                    self.drop(child, owned["metadata"]["namespace"], owned["metadata"]["name"])

    def set_status(self, kind: Kind, namespace: str, name: str, status: Json) -> None:
        """Sets the status of an object that is there, when it says anything new."""
        live = self._objects.get(kind, {}).get((namespace, name))
        if live is not None and live.get("status") != status:
            self._store(kind, live, {**live, "status": copy.deepcopy(status)})

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        return copy.deepcopy(self._live(kind, namespace, name))

    async def list_pages(
        self, kind: Kind, namespace: str | None, labels: str = "", *, metadata_only: bool = False
    ) -> AsyncIterator[list[Json]]:
        wanted = [part.split("=", 1) for part in labels.split(",") if part]
        page = [
            {"metadata": found["metadata"]} if metadata_only else found
            for found in self.all(kind)
            if namespace in (None, found["metadata"]["namespace"])
            and _bears(found["metadata"].get("labels") or {}, wanted)
        ]
        yield page

    async def apply(self, manifest: Mapping[str, Any]) -> Json:
        kind, metadata = kind_named(manifest["kind"]), dict(manifest["metadata"])
        namespace, name = metadata["namespace"], metadata["name"]
        before = self._objects.get(kind, {}).get((namespace, name))
        seen = {part: metadata.pop(part, None) for part in ("uid", "resourceVersion")}
        if before is None and seen["uid"] is not None:
            raise _error(404, "NotFound", kind, namespace, name)
        if before is not None and seen["resourceVersion"] is not None:
            self._refuse_stale(kind, before, seen["resourceVersion"])
        wanted = {**copy.deepcopy(dict(manifest)), "metadata": metadata}
        if before is not None and "status" in before:
            wanted["status"] = before["status"]
        return copy.deepcopy(self._store(kind, before, wanted))

    async def replace_status(self, live: Mapping[str, Any], kind: Kind, status: Json) -> Json:
        metadata = live["metadata"]
        before = self._live(kind, metadata["namespace"], metadata["name"])
        self._refuse_stale(kind, before, metadata["resourceVersion"])
        self.set_status(kind, metadata["namespace"], metadata["name"], status)
        return await self.get(kind, metadata["namespace"], metadata["name"])

    async def delete(self, kind: Kind, live: Mapping[str, Any]) -> None:
        metadata = live["metadata"]
        before = self._live(kind, metadata["namespace"], metadata["name"])
        self._refuse_stale(kind, before, metadata["resourceVersion"])
        self.drop(kind, metadata["namespace"], metadata["name"])

    async def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Json:
        metadata = manifest["metadata"]
        if self.find(kind, metadata["namespace"], metadata["name"]) is not None:
            raise _error(409, "AlreadyExists", kind, metadata["namespace"], metadata["name"])
        created = self.put(kind, manifest)
        if kind is EVENT:
            self._forget_old_events()
        return created

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Json) -> Json:
        before = self._live(kind, namespace, name)
        seen = (patch.get("metadata") or {}).get("resourceVersion")
        if seen is not None:
            self._refuse_stale(kind, before, seen)
        return copy.deepcopy(self._store(kind, before, merged(before, patch)))

    def _live(self, kind: Kind, namespace: str, name: str) -> Json:
        found = self._objects.get(kind, {}).get((namespace, name))
        if found is None:
            raise _error(404, "NotFound", kind, namespace, name)
        return found

    def _refuse_stale(self, kind: Kind, live: Json, seen: str) -> None:
        metadata = live["metadata"]
        if metadata["resourceVersion"] != seen:
            raise _error(409, "Conflict", kind, metadata["namespace"], metadata["name"])

    def _store(self, kind: Kind, before: Json | None, wanted: Json) -> Json:
        given = {k: v for k, v in wanted["metadata"].items() if v not in (None, {}, [])}
        identity: Json = {
            "uid": given.get("uid") or str(uuid.uuid4()),
            "creationTimestamp": rfc3339(datetime.now(UTC)),
            "generation": int(given.get("generation") or 1),
        }
        if before is not None:
            known = before["metadata"]
            identity = {part: known[part] for part in identity}
            identity["generation"] += before.get("spec") != wanted.get("spec")
        self._version += 1
        metadata = {**given, **identity, "resourceVersion": str(self._version)}
        stored = {
            **wanted,
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": metadata,
        }
        self._objects.setdefault(kind, {})[metadata["namespace"], metadata["name"]] = stored
        self._on_change(kind, "ADDED" if before is None else "MODIFIED", copy.deepcopy(stored))
        return stored

    def _stamped(self, gone: Json) -> Json:
        """As it is told of when it goes: the deletion has a version of its own."""
        self._version += 1
        return {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self._version)}}

    def _forget_old_events(self) -> None:
        kept = self._objects[EVENT]
        while len(kept) > _KEPT_EVENTS:
            del kept[next(iter(kept))]


def merged(base: Any, patch: Any) -> Any:
    """A JSON merge patch on a value; null removes a key."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _bears(labels: Mapping[str, str], wanted: Iterable[list[str]]) -> bool:
    return all(
        labels.get(part[0]) == part[1] if len(part) > 1 else part[0] in labels for part in wanted
    )


def _error(status: int, reason: str, kind: Kind, namespace: str, name: str) -> ApiError:
    what = f"{kind.name} {namespace}/{name}"
    words = {
        "NotFound": f"{what} is not there",
        "AlreadyExists": f"{what} is there already",
        "Conflict": f"{what} has changed meanwhile",
    }
    return ApiError(status, reason, words[reason], what)
