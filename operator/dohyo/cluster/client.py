"""The operator's own reads and writes; every write passes the fence first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dohyo.cluster.errors import ApiError
from dohyo.cluster.exchange import Json, Request, exchange
from dohyo.cluster.kinds import Kind, kind_named
from dohyo.contract import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from kubernetes.aio.client import ApiClient

    from dohyo.cluster.fence import Fence
    from dohyo.telemetry import Telemetry

# Not longer than what is left of a Lease when its holder has to stop writing.
_WRITE_SECONDS = 5.0
_PAGE = 500

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"


class Client:
    """Requests by kind, counted.

    Every method raises ApiError when the API server refuses or is away, and those that write
    raise LeadershipLost when this process may not lead any more.
    """

    def __init__(self, api: ApiClient, telemetry: Telemetry, fence: Fence) -> None:
        self._api = api
        self._telemetry = telemetry
        self._fence = fence

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        return await self._read("get", kind, Request("GET", kind.path(namespace, name)))

    async def list_pages(
        self, kind: Kind, namespace: str | None, labels: str = "", *, metadata_only: bool = False
    ) -> AsyncIterator[list[Json]]:
        """All objects of a kind, in pages of one snapshot; kind and apiVersion are left out."""
        query = {"limit": str(_PAGE)} | ({"labelSelector": labels} if labels else {})
        accept = _METADATA_ONLY if metadata_only else "application/json"
        while True:
            path = f"{kind.path(namespace)}?{urlencode(query)}"
            document = await self._read("list", kind, Request("GET", path, accept=accept))
            yield document.get("items") or []
            following = document["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def knows(self, kind: Kind) -> bool:
        """Whether the API server has such a kind."""
        try:
            found = await self._read("get", kind, Request("GET", f"/apis/{kind.api_version}"))
        except ApiError as error:
            if error.absent:
                return False
            raise
        return any(r["name"] == kind.plural for r in found.get("resources") or ())

    async def apply(self, manifest: Mapping[str, Any]) -> Json:
        """Server-side apply: our fields become ours alone; the object as it is then."""
        kind, metadata = kind_named(manifest["kind"]), manifest["metadata"]
        query = urlencode({"fieldManager": FIELD_MANAGER, "force": "true"})
        path = f"{kind.path(metadata['namespace'], metadata['name'])}?{query}"
        return await self._write("apply", kind, _patch(path, manifest, _APPLY))

    async def replace_status(self, live: Mapping[str, Any], kind: Kind, status: Json) -> Json:
        """Sets the whole status of the object as it was seen; the object as it is then.

        The observed resourceVersion is part of the patch, so that the API server refuses it (409)
        when the object has changed since.
        """
        metadata = live["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"], "status")
        version = metadata["resourceVersion"]
        patch = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": status},
        ]
        return await self._write("status", kind, _patch(path, patch, _JSON_PATCH))

    async def delete(self, kind: Kind, live: Mapping[str, Any]) -> None:
        """Deletes the object if it still is the one that was seen, unchanged."""
        metadata = live["metadata"]
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        options = {"propagationPolicy": "Background", "preconditions": preconditions}
        path = kind.path(metadata["namespace"], metadata["name"])
        await self._write("delete", kind, Request("DELETE", path, options, seconds=_WRITE_SECONDS))

    async def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Json:
        path = kind.path(manifest["metadata"]["namespace"])
        request = Request("POST", path, manifest, seconds=_WRITE_SECONDS)
        return await self._write("create", kind, request)

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Json) -> Json:
        """Merges some fields into an object."""
        request = _patch(kind.path(namespace, name), patch, _MERGE_PATCH)
        return await self._write("patch", kind, request)

    async def _read(self, verb: str, kind: Kind, request: Request) -> Json:
        try:
            answer = await exchange(self._api, request)
        except ApiError as error:
            self._telemetry.api_request(verb, kind.name, error.status)
            raise
        self._telemetry.api_request(verb, kind.name, 200)
        return answer

    async def _write(self, verb: str, kind: Kind, request: Request) -> Json:
        self._fence.check()
        return await self._read(verb, kind, request)


def _patch(path: str, body: Any, content: str) -> Request:
    return Request("PATCH", path, body, content, seconds=_WRITE_SECONDS)
