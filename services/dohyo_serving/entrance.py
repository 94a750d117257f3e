"""What stands before BentoML: the endpoint's own paths, and a door that unknown paths do not pass.

BentoML wraps every request in tracing, metrics and a timer, and makes a time series of every
path that anybody invents.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from uvicorn._types import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        Scope,
    )

    from dohyo_serving.endpoint import Endpoint
    from dohyo_serving.http_api import HttpApi

_NOT_FOUND: Final = b'{"error": "nothing answers at this path"}'


class KnownPaths:
    """Paths that an application answers: some by name, others by what stands before them."""

    def __init__(self, names: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._names = names
        self._prefixes = prefixes

    def __contains__(self, path: str) -> bool:
        return path in self._names or path.startswith(self._prefixes)


def known_paths(app: Any) -> KnownPaths:
    """The paths of a Starlette application; files of a static mount one by one."""
    names: set[str] = set()
    prefixes: list[str] = []
    for route in app.routes:
        if isinstance(route, Route) and not route.param_convertors:
            names.add(route.path)
        elif isinstance(route, Mount) and isinstance(route.app, StaticFiles):
            folder = Path(str(route.app.directory))
            files = (path for path in folder.rglob("*") if path.is_file())
            names |= {f"{route.path}/{path.relative_to(folder).as_posix()}" for path in files}
        else:
            # A mount, or a path with parameters: the application's own business from there on.
            prefixes.append(str(getattr(route, "path", "")).partition("{")[0])
    return KnownPaths(frozenset(names), tuple(prefixes))


class Entrance:
    """The application that a socket is given to."""

    def __init__(self, app: ASGI3Application, endpoint: Endpoint | None, known: KnownPaths) -> None:
        self.app = app
        self.endpoint = endpoint
        self._known = known

    def own(self, scope: Scope) -> HttpApi | None:
        """Who answers a request of the endpoint's own paths."""
        if scope["type"] != "http" or self.endpoint is None:
            return None
        http = self.endpoint.http
        return http if http is not None and http.takes(scope["path"]) else None

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        """Hands every other request on."""
        if scope["type"] == "http" and scope["path"] not in self._known:
            return self._refuse(send)
        return self.app(scope, receive, send)

    def close(self) -> None:
        """From now on every answer ends its connection."""
        if self.endpoint is not None and self.endpoint.http is not None:
            self.endpoint.http.closing = True

    async def drain(self, grace_seconds: float) -> None:
        if self.endpoint is not None:
            await self.endpoint.drain(grace_seconds)

    async def _refuse(self, send: ASGISendCallable) -> None:
        length = b"%d" % len(_NOT_FOUND)
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        if self.endpoint is not None and self.endpoint.http is not None:
            headers.append(self.endpoint.http.version)
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": _NOT_FOUND})
