"""A closed loop: clients that wait for each answer, until told to end; nothing is repeated."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness.http1 import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.local.gateway.ring import Ring


@dataclass
class Load:
    """What came back so far.

    Attributes:
        answers: by version.
        failures: every answer but 200, and every broken connection.
        connections: how many were opened.
        torn: answers that broke off after they had begun; nobody can repeat those unseen.
        closes: how many answers asked to connect anew.
    """

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    torn: int = 0
    connections: int = 0
    closes: int = 0

    @property
    def lost(self) -> list[str]:
        """All requests without a whole answer 200."""
        return self.failures + ["torn"] * self.torn

    @property
    def total(self) -> int:
        return sum(self.answers.values()) + len(self.failures) + self.torn

    async def more(self, count: int) -> None:
        """Until that many further requests are answered."""
        wanted = self.total + count
        async with asyncio.timeout(30):
            while self.total < wanted:
                await asyncio.sleep(0.002)


@asynccontextmanager
async def a_load(
    ring: Ring, request: Callable[[int], bytes], clients: int = 8, gap_seconds: float = 0.0
) -> AsyncIterator[Load]:
    """Clients that keep their connections, each with one request at a time."""
    load, end = Load(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def client(number: int) -> None:
        connection: Connection | None = None
        while not end.is_set():
            if connection is None or not connection.usable:
                _, connection = await loop.create_connection(Connection, "127.0.0.1", ring.port)
                load.connections += 1
            number += clients
            try:
                answer = await connection.ask(request(number))
            except ConnectionError as error:
                if connection._received:
                    load.torn += 1
                else:
                    load.failures.append(f"{type(error).__name__}: {error}")
                continue
            if answer.status == 200:
                load.answers[answer.version] += 1
            else:
                load.failures.append(f"{answer.status} {answer.body[:80]!r}")
            load.closes += not answer.keep
            await asyncio.sleep(gap_seconds)
        if connection is not None:
            connection.close()

    workers = [asyncio.create_task(client(number)) for number in range(clients)]
    try:
        yield load
    finally:
        end.set()
        await asyncio.gather(*workers)
