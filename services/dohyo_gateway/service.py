"""An agent with its pages, from its start to its end, whoever feeds it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from typing import TYPE_CHECKING, Final

from aiohttp import web

from dohyo.contract import AGENT_PORT
from dohyo.contract.keys import KeyRing, KeysError
from dohyo_gateway.admin import Admin
from dohyo_gateway.agent import Agent, Parts
from dohyo_gateway.bootstrap import Evidence, Listening, bootstrap
from dohyo_gateway.publication import Publication
from dohyo_gateway.snapshot import Compiler, Policy
from dohyo_gateway.web import application
from dohyo_gateway.witness import LogReader, Witness

if TYPE_CHECKING:
    from dohyo_gateway.feed import Feed
    from dohyo_gateway.settings import Settings
    from dohyo_gateway.telemetry import Telemetry

_LOG: Final = logging.getLogger("dohyo_gateway")


async def serve(
    settings: Settings,
    feed: Feed,
    stop: asyncio.Event,
    listening: Listening | None = None,
    port: int = AGENT_PORT,
) -> None:
    """Keeps Envoy in step with the feed until `stop` is set; Envoy serves on without.

    A drained Envoy stays drained, so only a feed that says that this gateway is leaving drains it:
    an agent may also be told to end for a restart of its own.

    Args:
        settings: the agent's.
        feed: where the World comes from.
        stop: ends the agent.
        listening: Envoy's ports and limits; None takes those of the settings.
        port: of the agent's own pages.
    """
    admin = Admin(settings.admin)
    run = f"{time.time_ns() // 1_000_000:x}{secrets.token_hex(2)}"
    publication = Publication(settings.folder, admin, settings.drain_seconds, run)
    policy = Policy(settings.cluster_domain, settings.pin_allowed, bool(settings.evidence))
    listening = listening or Listening(
        max_connections=settings.max_connections, max_heap_bytes=settings.max_heap_bytes
    )
    evidence = Evidence(settings.evidence, settings.witness_folder) if settings.evidence else None
    document = bootstrap(settings.folder, listening, settings.pod, evidence)
    succeeds = publication.prepare(document, time.monotonic())
    agent = Agent(Parts(feed, Compiler(policy), publication, admin, run, settings.pod, succeeds))
    runner = web.AppRunner(application(agent), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings.pages_address, port).start()
    work = asyncio.create_task(_work(agent, _witness(settings, admin, run, agent.telemetry)))
    ended = asyncio.create_task(stop.wait())
    try:
        _LOG.info("serving pod %s of %s/%s", settings.pod, settings.namespace, settings.service)
        await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in (work, ended):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await runner.cleanup()
        await admin.close()


async def _work(agent: Agent, witness: Witness | None) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run())
        if witness is not None:
            group.create_task(witness.run())


def _witness(settings: Settings, admin: Admin, run: str, telemetry: Telemetry) -> Witness | None:
    """Who tells the evidence service of bad answers; None where nobody can be told."""
    if not settings.evidence:
        return None
    if settings.master_keys is None:
        _LOG.warning("DOHYO_MASTER_KEYS is not set: nobody is told of bad answers")
        return None
    try:
        keys = KeyRing(settings.master_keys)
    except KeysError as error:
        _LOG.error("master keys: %s; nobody is told of bad answers", error)
        return None
    reader = LogReader(settings.witness_folder, admin.reopen_logs)
    url = f"http://{settings.evidence}"
    return Witness(url, keys, reader, (settings.pod, run), telemetry)
