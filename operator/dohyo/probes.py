"""The operator's one port: /livez, /readyz and /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dohyo.telemetry import Telemetry

# Why something is not as it should be, one sentence each; empty when all is well.
Findings = list[str]


class Probes:
    """Answers to kubelet and Prometheus.

    Args:
        live: what would be cured by a restart.
        ready: what is missing before this operator can do its work, or take it over.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        live: Callable[[], Findings],
        ready: Callable[[], Findings],
    ) -> None:
        self._telemetry = telemetry
        self._live = live
        self._ready = ready
        app = web.Application()
        app.router.add_get("/livez", self._on_live)
        app.router.add_get("/readyz", self._on_ready)
        app.router.add_get("/metrics", self._on_metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, port: int) -> int:
        """Listens on every address; the port, which is a free one of IPv4 if 0 was asked for.

        Raises:
            OSError: the port is taken.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, None, port).start()
        ports: list[int] = [
            address[1] for address in sorted(self._runner.addresses, key=len) if address
        ]
        return ports[0]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _on_live(self, _: web.Request) -> web.Response:
        return _answer(self._live())

    async def _on_ready(self, _: web.Request) -> web.Response:
        return _answer(self._ready())

    async def _on_metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._telemetry.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(findings: Findings) -> web.Response:
    if findings:
        return web.Response(status=503, text="\n".join(findings) + "\n")
    return web.Response(text="ok\n")
