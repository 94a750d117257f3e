"""The load generator, a process of its own: `python -m tests.harness.load ORDER RECORDS`.

Open loop: each request leaves at the moment the schedule names, whether or not earlier ones were
answered. No request is ever repeated. It writes a record per request and ends at the schedule's
end, or, told to terminate, after the answers it still waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from tests.harness import records, schedule
from tests.harness.http1 import Answer, Connection, MalformedError
from tests.harness.pacing import send_on_time

FLUSH_SECONDS = 0.2


@dataclass(frozen=True)
class Order:
    """What to send, where and when.

    Attributes:
        host: the Host header, which names the ModelDeployment.
        path, body: of a POST of JSON.
        phases: rates and lengths, one after another.
        entity_header, population: who asks; population 0 names nobody.
        headers: further ones, the same with every request.
        fresh_every: each n-th request opens a connection of its own and closes it after.
        kept: connections that are opened at the start and take turns with the other requests;
            more are opened while all of them wait for answers.
        timeout_seconds: until a request counts as failed.
        address, port: of the gateway.
    """

    host: str
    path: str
    body: str
    phases: tuple[schedule.Phase, ...]
    entity_header: str = "x-entity-id"
    population: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    fresh_every: int = 8
    kept: int = 16
    timeout_seconds: float = 10.0
    address: str = "127.0.0.1"
    port: int = 30080

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def order_from_json(text: str) -> Order:
    document = json.loads(text)
    document["phases"] = tuple(schedule.Phase(**phase) for phase in document["phases"])
    return Order(**document)


def request_bytes(order: Order, entity: str | None, fresh: bool) -> bytes:
    lines = [
        f"POST {order.path} HTTP/1.1",
        f"Host: {order.host}",
        "Content-Type: application/json",
        f"Content-Length: {len(order.body.encode())}",
        *(f"{name}: {value}" for name, value in order.headers.items()),
    ]
    if entity is not None:
        lines.append(f"{order.entity_header}: {entity}")
    if fresh:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", order.body]).encode()


class Sender:
    """Sends an order and writes the records."""

    def __init__(self, order: Order, out: IO[str]) -> None:
        self._order = order
        self._out = out
        self._idle: deque[Connection] = deque()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        await self._open_kept()
        flushing = asyncio.create_task(self._flush_regularly())
        await send_on_time(schedule.send_times(self._order.phases), self._stop, self._one)
        flushing.cancel()
        self._out.flush()

    async def _one(self, number: int, due: float) -> None:
        fresh = number % self._order.fresh_every == 0
        entity = schedule.entity_at(number, self._order.population)
        status, version, error = 0, "", ""
        sent = time.time()
        try:
            async with asyncio.timeout(self._order.timeout_seconds):
                answer = await self._ask(request_bytes(self._order, entity, fresh), fresh)
                status, version = answer.status, answer.version
        except TimeoutError:
            error = "timeout"
        except MalformedError:
            error = "malformed"
        except ConnectionRefusedError:
            error = "connect"
        except OSError:
            error = "reset"
        record = records.Record(due, sent, time.time(), status, error, version, entity or "", fresh)
        self._out.write(records.to_line(record))

    async def _ask(self, request: bytes, fresh: bool) -> Answer:
        connection = await self._connection(fresh)
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        if fresh:
            connection.close()
        elif connection.usable:
            self._idle.append(connection)
        return answer

    async def _connection(self, fresh: bool) -> Connection:
        """The kept connection that rested longest, or a new one."""
        while self._idle and not fresh:
            connection = self._idle.popleft()
            if connection.usable:
                return connection
        return await self._open()

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, self._order.address, self._order.port
        )
        return connection

    async def _open_kept(self) -> None:
        """Opens the kept connections; one that fails now fails a request later."""
        opened = [self._open() for _ in range(self._order.kept)]
        found = await asyncio.gather(*opened, return_exceptions=True)
        self._idle.extend(c for c in found if isinstance(c, Connection))

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._out.flush()


def hurry() -> None:
    """Asks for the CPU before others do: a late sender measures itself. Root alone may."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)


async def serve(order_path: Path, records_path: Path) -> None:
    order = order_from_json(order_path.read_text())
    with records_path.open("w") as out:
        sender = Sender(order, out)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        await sender.run()


if __name__ == "__main__":
    hurry()
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
