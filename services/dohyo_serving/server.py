"""The HTTP server around a bento's application: start, service, and an end without loss."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from dohyo_serving.errors import ServingError, brief
from dohyo_serving.heads import BoundedHeads

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from uvicorn._types import (
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        Scope,
    )

    from dohyo_serving.entrance import Entrance

logger = logging.getLogger("bentoml.dohyo")

# For how long kept-alive connections may bring one more request, whose answer closes them.
FAREWELL_SECONDS = 1.0
TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Limits:
    """Seconds for accepted requests after SIGTERM, and until an idle connection is closed."""

    grace_seconds: float
    keep_alive_seconds: int


def serve(app: Entrance, listener: socket.socket, limits: Limits) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what was accepted within the grace time.

    Raises:
        ServingError: the service did not start, as a rule because its model does not load.
    """
    farewell = Farewell(app)
    config = uvicorn.Config(
        farewell,
        loop="uvloop",
        http=BoundedHeads,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=max(1, round(limits.grace_seconds)),
    )
    # Start-up failures are told once, by the exception below.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    try:
        DrainingServer(config, farewell).run(sockets=[listener])
    except SystemExit as end:
        failure = farewell.startup_error
        if failure is None:
            raise
        raise ServingError(f"the service does not start: {brief(failure)}") from end


class Farewell:
    """Passes requests to the bento; while draining, each answer tells its client to reconnect."""

    def __init__(self, app: Entrance) -> None:
        self.app = app
        self.draining = False
        self.startup_error: BaseException | None = None

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._live(scope, receive, send)
        own = self.app.own(scope)
        if own is not None:
            # It closes connections itself while draining.
            return own(scope, receive, send)

        async def send_closing(event: ASGISendEvent) -> None:
            if self.draining and event["type"] == "http.response.start":
                event["headers"] = [*event.get("headers", ()), (b"connection", b"close")]
            await send(event)

        return self.app(scope, receive, send_closing)

    async def _live(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async def send_after_freeze(event: ASGISendEvent) -> None:
            if event["type"] == "lifespan.startup.complete":
                freeze_heap()
            await send(event)

        try:
            await self.app(scope, receive, send_after_freeze)
        except BaseException as error:
            self.startup_error = error
            raise


def freeze_heap() -> None:
    """Takes everything loaded so far out of garbage collection, and makes that rarer.

    Full collections over the libraries' objects are what the slowest requests wait for.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class DrainingServer(uvicorn.Server):
    """uvicorn, but its end loses nothing that a client could believe accepted."""

    def __init__(self, config: uvicorn.Config, farewell: Farewell) -> None:
        super().__init__(config)
        self._farewell = farewell

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Drains on the first signal and ends at once on the second.

        uvicorn would raise the signal again in the end and turn a clean end into a death by it.
        """
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuses new connections, lets kept-alive ones say goodbye, then waits for the rest."""
        began = time.monotonic()
        self._farewell.draining = True
        self._farewell.app.close()
        for listening in self.servers:
            listening.close()
        for listener in sockets or ():
            listener.close()
        logger.info("draining %d connections", len(self.server_state.connections))
        grace = self.config.timeout_graceful_shutdown or 0
        grpc = asyncio.create_task(self._farewell.app.drain(grace))
        await self._until(lambda: not self.server_state.connections, began + FAREWELL_SECONDS)
        await self._until(grpc.done, began + grace)
        grpc.cancel()
        self.config.timeout_graceful_shutdown = max(1, round(began + grace - time.monotonic()))
        await super().shutdown()
        logger.info("drained in %.1f s", time.monotonic() - began)

    async def _until(self, reached: Callable[[], bool], end: float) -> None:
        """Waits, but neither beyond the end nor after a second signal."""
        while not reached() and not self.force_exit and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(TICK_SECONDS)  # uvicorn has no event for a closed connection
