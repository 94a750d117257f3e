"""What the agent answers over HTTP, to the kubelet, the operator and Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dohyo.contract import (
    AGENT_LIVE_PATH,
    AGENT_METRICS_PATH,
    AGENT_READY_PATH,
    AGENT_REPORT_PATH,
    report_to_json,
)

if TYPE_CHECKING:
    from dohyo_gateway.agent import Agent

STARTED_PATH = "/startupz"
ENVOY_LIVE_PATH = "/livez/envoy"


def application(agent: Agent) -> web.Application:
    """The agent's pages; none of them changes anything."""
    pages = _Pages(agent)
    app = web.Application()
    app.router.add_get(STARTED_PATH, pages.started)
    app.router.add_get(AGENT_READY_PATH, pages.ready)
    app.router.add_get(AGENT_LIVE_PATH, pages.live)
    app.router.add_get(ENVOY_LIVE_PATH, pages.envoy_live)
    app.router.add_get(AGENT_METRICS_PATH, pages.metrics)
    app.router.add_get(AGENT_REPORT_PATH, pages.report)
    return app


class _Pages:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def started(self, _: web.Request) -> web.Response:
        return _verdict(self._agent.is_started(), "the first complete configuration is not written")

    async def ready(self, _: web.Request) -> web.Response:
        good = await self._agent.is_ready()
        return _verdict(good, "Envoy does not run with a complete configuration, or is draining")

    async def live(self, _: web.Request) -> web.Response:
        return _verdict(self._agent.is_alive(), "the watches of the cluster or the loop are stuck")

    async def envoy_live(self, _: web.Request) -> web.Response:
        good = await self._agent.is_envoy_alive()
        return _verdict(good, "Envoy's admin interface does not answer")

    async def metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._agent.telemetry.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def report(self, _: web.Request) -> web.Response:
        document = report_to_json(await self._agent.report())
        return web.Response(body=orjson.dumps(document), content_type="application/json")


def _verdict(good: bool, reason: str) -> web.Response:
    return web.Response(text="ok\n") if good else web.Response(status=503, text=reason + "\n")
