"""A proxy between one operator and the API server, where things can be made to go wrong.

It speaks plain HTTP to the operator, so that it sees every request, and TLS with the project's own
credentials to the API server. What it stops at is the n-th write, Leases aside: before it is passed
on, or after it was carried out and before the operator hears of it.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import yaml
from aiohttp import web

from tests.harness.live import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path
    from typing import Self

    from tests.harness.access import Access

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Headers that belong to one connection, and length and encoding, which aiohttp sets again.
HOP = frozenset({"connection", "transfer-encoding", "content-length", "content-encoding", "host"})
START_SECONDS = 10


@dataclass(frozen=True)
class Write:
    """A request that would change something.

    Attributes:
        number: counted from 1.
        method, path: as the operator sent it.
        status: of the answer; None while there is none.
    """

    number: int
    method: str
    path: str
    status: int | None = None


@dataclass(frozen=True)
class Trap:
    """Where to stop, and what to do there.

    Attributes:
        number: of the write, counted from when the trap was set.
        after: whether the write is carried out first.
        spring: called in the proxy's thread; the operator gets no answer before it returns.
        hold: keeps a write that was not carried out for `Proxy.release`, instead of dropping it.
    """

    number: int
    after: bool
    spring: Callable[[], None]
    hold: bool = False


class Proxy:
    """One proxy on a port of its own, for as long as a `with` block runs.

    Attributes:
        kubeconfig: the file that leads through it.
        writes: by number.
        sprung: set when the trap has sprung.
        hidden: paths that begin so do not exist.
        muted: watches of this plural tell nothing any more, though their connections live.
    """

    def __init__(self, access: Access, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.writes: dict[int, Write] = {}
        self.sprung = threading.Event()
        self.hidden: str | None = None
        self.muted: str | None = None
        self._access = access
        self._away = False
        self._numbers = itertools.count(1)
        self._trap: tuple[int, Trap] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._release = asyncio.Event()
        self._streams: set[asyncio.Transport] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_SECONDS)
        self.kubeconfig.write_text(yaml.safe_dump(_kubeconfig(f"http://127.0.0.1:{port}")))
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def set_trap(self, trap: Trap) -> None:
        """Stops at a write from now on; `sprung` tells when."""
        self.sprung.clear()
        self._trap = (len(self.writes) + trap.number, trap)

    def remove_trap(self) -> None:
        self._trap = None

    def release(self) -> None:
        """Lets a held write go on to the API server."""
        self._loop.call_soon_threadsafe(self._release.set)

    def cut(self) -> None:
        """From now on the API server is out of reach, for open streams as well."""
        self._away = True
        self._loop.call_soon_threadsafe(self._break_streams)

    def accepted(self, first: int) -> Iterator[Write]:
        """Writes from that number on that the API server carried out."""
        return (
            write
            for number, write in sorted(self.writes.items())
            if number >= first and write.status is not None and write.status < 300
        )

    async def _start(self) -> int:
        connector = aiohttp.TCPConnector(ssl=tls(self._access), limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _stop(self) -> None:
        self._release.set()
        self._break_streams()
        await self._runner.cleanup()
        await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _break_streams(self) -> None:
        for transport in list(self._streams):
            transport.abort()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if self._away:
            return _break(request)
        if self.hidden is not None and request.path.startswith(self.hidden):
            return web.json_response(
                {"kind": "Status", "reason": "NotFound", "message": "hidden"}, status=404
            )
        body = await request.read()
        if request.method not in WRITES or "/leases" in request.path:
            return await self._pass_on(request, body)
        number = next(self._numbers)
        self.writes[number] = Write(number, request.method, request.path)
        trap = self._trap[1] if self._trap is not None and self._trap[0] == number else None
        if trap is None:
            return await self._pass_on(request, body, number)
        if trap.after:
            async with self._ask(request, body) as answer:
                await answer.read()
                self._note(number, answer.status)
        trap.spring()
        self.sprung.set()
        if trap.hold and not trap.after:
            await self._release.wait()
            async with self._ask(request, body) as answer:
                await answer.read()
                self._note(number, answer.status)
        return _break(request)

    async def _pass_on(
        self, request: web.Request, body: bytes, number: int | None = None
    ) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return _break(request)
        self._streams.add(transport)
        try:
            async with self._ask(request, body) as answer:
                if number is not None:
                    self._note(number, answer.status)
                headers = {k: v for k, v in answer.headers.items() if k.lower() not in HOP}
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if not self._mutes(request):
                        await response.write(chunk)
                await response.write_eof()
                return response
        except (aiohttp.ClientError, ConnectionError):
            return _break(request)
        finally:
            self._streams.discard(transport)

    @asynccontextmanager
    async def _ask(
        self, request: web.Request, body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        headers["Accept-Encoding"] = "identity"
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        async with self._session.request(
            request.method,
            self._access.server + request.path_qs,
            headers=headers,
            data=body or None,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            yield answer

    def _mutes(self, request: web.Request) -> bool:
        """Whether it is a watch that goes on without telling anything."""
        watches = request.query.get("watch") == "true"
        return watches and self.muted is not None and request.path.endswith(self.muted)

    def _note(self, number: int, status: int) -> None:
        write = self.writes[number]
        self.writes[number] = Write(number, write.method, write.path, status)


def _break(request: web.Request) -> web.Response:
    """Ends the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def _kubeconfig(server: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxied", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxied", "context": {"cluster": "proxied", "user": "nobody"}}],
        "current-context": "proxied",
    }
