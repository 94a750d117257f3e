"""One kind of object of the cluster's API, kept in step by list and watch."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from kubernetes.aio import client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LOG: Final = logging.getLogger(__name__)

_PAGE: Final = 500
# The API server sends a bookmark every minute: a watch silent for longer is dead.
_SILENCE_SECONDS: Final = 130.0
_WATCH_SECONDS: Final = 300
_LIST_SECONDS: Final = 60.0
# However healthy the watch: everything is listed anew so often.
_RELIST_SECONDS: Final = 1800.0
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
_GONE: Final = 410


@dataclass(frozen=True)
class Kind:
    """What to reflect.

    Attributes:
        group, version, plural: as in the API's path.
        namespace: None reflects all namespaces.
        selector: labels that the server filters by.
    """

    group: str
    version: str
    plural: str
    namespace: str | None = None
    selector: str = ""

    def __str__(self) -> str:
        return f"{self.plural}.{self.group} in {self.namespace or 'all namespaces'}"


class _GoneError(Exception):
    """The server no longer knows the point in time that a watch started from."""


class Reflection:
    """The live objects of one kind, by (namespace, name), each as `read` makes it.

    Args:
        api: the client.
        kind: what to reflect.
        read: makes of a manifest what is kept; None keeps nothing.
        changed: called after every change.
    """

    def __init__(
        self,
        api: client.ApiClient,
        kind: Kind,
        read: Callable[[Mapping[str, Any]], object | None],
        changed: Callable[[], None],
    ) -> None:
        self._api = api
        self._kind = kind
        self._read = read
        self._changed = changed
        self._version = ""
        self.found: dict[tuple[str, str], object] = {}
        self.is_complete = False
        self.last_attempt = time.monotonic()

    async def run(self) -> None:
        """Lists and watches until cancelled; what fails is tried again, what is known is kept."""
        pause = _FIRST_PAUSE_SECONDS
        listed_at = float("-inf")
        while True:
            self.last_attempt = time.monotonic()
            try:
                if not self._version or time.monotonic() - listed_at > _RELIST_SECONDS:
                    await self._list()
                    listed_at = time.monotonic()
                await self._watch()
                pause = _FIRST_PAUSE_SECONDS
                continue
            except _GoneError:
                self._version = ""
            except (client.ApiException, aiohttp.ClientError, TimeoutError, OSError) as error:
                _LOG.warning("%s: %s; again in %.1f s", self._kind, _brief(error), pause)
                if getattr(error, "status", None) == _GONE:
                    self._version = ""
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _list(self) -> None:
        found: dict[tuple[str, str], object] = {}
        page: dict[str, Any] = {}
        more: dict[str, str] = {}
        while True:
            answer = await self._ask(
                aiohttp.ClientTimeout(total=_LIST_SECONDS), limit=str(_PAGE), **more
            )
            page = orjson.loads(await answer.read())
            for manifest in page["items"]:
                self._keep(found, manifest)
            if not page["metadata"].get("continue"):
                break
            more = {"continue": page["metadata"]["continue"]}
        self._version = page["metadata"]["resourceVersion"]
        self.found = found
        self.is_complete = True
        self._changed()

    async def _watch(self) -> None:
        """Follows the changes until the server ends the watch, as it does every few minutes."""
        answer = await self._ask(
            aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_SECONDS),
            watch="true",
            resourceVersion=self._version,
            allowWatchBookmarks="true",
            timeoutSeconds=str(_WATCH_SECONDS),
        )
        try:
            async for text in answer.content:
                self.last_attempt = time.monotonic()
                self._take(orjson.loads(text))
        finally:
            answer.close()

    def _take(self, event: Mapping[str, Any]) -> None:
        manifest = event["object"]
        if event["type"] == "ERROR":
            if manifest.get("code") == _GONE:
                raise _GoneError
            raise client.ApiException(status=manifest.get("code"), reason=manifest.get("message"))
        self._version = manifest["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        name = (manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        before = self.found.pop(name, None)
        if event["type"] != "DELETED":
            self._keep(self.found, manifest)
        if self.found.get(name) != before:
            self._changed()

    def _keep(self, found: dict[tuple[str, str], object], manifest: Mapping[str, Any]) -> None:
        metadata = manifest["metadata"]
        kept = self._read(manifest)
        if kept is not None:
            found[metadata.get("namespace", ""), metadata["name"]] = kept

    async def _ask(self, patience: aiohttp.ClientTimeout, **query: str) -> aiohttp.ClientResponse:
        kind = self._kind
        within = f"/namespaces/{kind.namespace}" if kind.namespace else ""
        if kind.selector:
            query["labelSelector"] = kind.selector
        # The generated methods take no timeout that ends silent watches and spares lively ones.
        method, url, headers, *_ = await self._api.param_serialize(
            "GET",
            f"/apis/{kind.group}/{kind.version}{within}/{kind.plural}",
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = await self._api.call_api(method, url, headers, _request_timeout=patience)
        response: aiohttp.ClientResponse = answer.response
        if response.status != 200:
            reason = _message(await response.read())
            raise client.ApiException(status=response.status, reason=reason)
        return response


def _message(body: bytes) -> str:
    """What the server says about a request that failed."""
    try:
        return str(orjson.loads(body)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return body[:300].decode(errors="replace")


def _brief(error: BaseException) -> str:
    """The error in one line."""
    if isinstance(error, client.ApiException):
        return f"the API server answers {error.status}: {' '.join(str(error.reason).split())}"
    return " ".join(str(error).split()) or type(error).__name__
