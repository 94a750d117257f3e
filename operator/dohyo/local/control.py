"""The socket by which `dohyo get`, `status` and their like reach a running ring.

Paths, answers and errors are those of the API server for the same objects, so that a command has
one way for both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import EVENT, MODEL_DEPLOYMENT, WATCHED
from dohyo.contract import KIND

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.kinds import Kind
    from dohyo.local.objects import LocalObjects

# What a manual action is told by; all else of a resource comes from its file.
_PATCHABLE = ("annotations", "resourceVersion")


class Control:
    """Answers questions about the objects of a ring, and takes annotations.

    Args:
        objects: of the ring.
        url: where the ring answers requests.
    """

    def __init__(self, objects: LocalObjects, url: str) -> None:
        self._objects = objects
        self._url = url
        self._runner: web.AppRunner | None = None

    async def open(self, socket: Path) -> None:
        app = web.Application()
        for kind in (*WATCHED, EVENT):
            one = "/namespaces/{namespace}/" + kind.plural
            root = kind.path(None).removesuffix(f"/{kind.plural}")
            app.router.add_get(f"{root}/{kind.plural}", self._lister(kind))
            app.router.add_get(root + one, self._lister(kind))
            app.router.add_get(root + one + "/{name}", self._reader(kind))
        app.router.add_patch(MODEL_DEPLOYMENT.path("{namespace}", "{name}"), self._patch)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(socket)).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _lister(self, kind: Kind) -> Any:
        async def answer(request: web.Request) -> web.Response:
            namespace = request.match_info.get("namespace")
            items = [
                self._shown(kind, found)
                for found in self._objects.all(kind)
                if namespace in (None, found["metadata"]["namespace"])
            ]
            return web.json_response({"kind": f"{kind.name}List", "metadata": {}, "items": items})

        return answer

    def _reader(self, kind: Kind) -> Any:
        async def answer(request: web.Request) -> web.Response:
            where = request.match_info
            try:
                found = await self._objects.get(kind, where["namespace"], where["name"])
            except ApiError as error:
                return _refusal(error)
            return web.json_response(self._shown(kind, found))

        return answer

    async def _patch(self, request: web.Request) -> web.Response:
        where = request.match_info
        try:
            patch = _annotations(json.loads(await request.read()))
            found = await self._objects.merge(
                MODEL_DEPLOYMENT, where["namespace"], where["name"], patch
            )
        except ApiError as error:
            return _refusal(error)
        return web.json_response(self._shown(MODEL_DEPLOYMENT, found))

    def _shown(self, kind: Kind, raw: Json) -> Json:
        """As it is seen from outside: the address is the one that answers on this machine."""
        if kind is MODEL_DEPLOYMENT and raw.get("status", {}).get("url"):
            metadata = raw["metadata"]
            address = f"{self._url}/{metadata['namespace']}/{metadata['name']}"
            return {**raw, "status": {**raw["status"], "url": address}}
        return raw


def _annotations(patch: Any) -> Json:
    """The patch, if it is one that a ring takes.

    Raises:
        ApiError: it changes something else.
    """
    metadata = patch.get("metadata") if isinstance(patch, dict) else None
    good = isinstance(metadata, dict) and set(patch) == {"metadata"}
    if not good or not isinstance(metadata, dict) or set(metadata) - set(_PATCHABLE):
        words = "a local ring takes annotations alone; edit the file that it watches for the rest"
        raise ApiError(422, "Invalid", words, f"PATCH {KIND}")
    return {"metadata": metadata}


def _refusal(error: ApiError) -> web.Response:
    document = {"kind": "Status", "reason": error.reason, "message": error.message}
    return web.json_response(document, status=error.status)
