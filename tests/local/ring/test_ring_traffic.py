"""Requests to a ring, while it is changed in every way: each gets its answer."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from dohyo.contract import routing_from_status
from tests.harness import split
from tests.harness.http1 import Connection
from tests.harness.until import until
from tests.local.gateway.load import a_load
from tests.local.ring.house import READY_SECONDS, a_request, a_spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.harness.http1 import Answer
    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(180)
REQUESTS = 10_000


async def asked(house: House, entities: Iterable[int]) -> dict[int, Answer]:
    """One request of each entity, over a few connections."""
    loop = asyncio.get_running_loop()
    pending = iter(entities)
    answers: dict[int, Answer] = {}

    async def client() -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", house.port)
        for entity in pending:
            answers[entity] = await connection.ask(a_request(entity))
        connection.close()

    await asyncio.gather(*(client() for _ in range(8)))
    return answers


def carried_out(house: House, spec: dict[str, object], **shares: float) -> None:
    house.write(spec)
    house.until_shares(**shares)
    house.until_ready()


async def test_an_entity_meets_the_version_that_its_bucket_belongs_to(shared: House) -> None:
    await asyncio.to_thread(carried_out, shared, a_spec("one", ("two", 20)), one=80, two=20)
    table = routing_from_status(shared.resource()["status"]["routing"])
    answers = await asked(shared, range(1000))
    for entity, answer in answers.items():
        expected = split.owner(table, f"customer-{entity}")
        assert (answer.status, answer.version, answer.body) == (200, expected, expected.encode())
    assert {a.version for a in answers.values()} == {"one", "two"}
    again = await asked(shared, range(1000))
    assert {e: a.version for e, a in again.items()} == {e: a.version for e, a in answers.items()}


async def test_ten_thousand_requests_survive_every_change(shared: House) -> None:
    two_each = {"minReplicas": 2}
    spec = a_spec("one", ("two", 10), scaling=two_each)
    await asyncio.to_thread(carried_out, shared, spec, one=90, two=10)
    async with a_load(shared, a_request, gap_seconds=0.002) as load:  # type: ignore[arg-type]

        async def change(spec: dict[str, object], **shares: float) -> None:
            before = load.total
            await asyncio.to_thread(carried_out, shared, spec, **shares)
            await load.more(100)
            assert load.total > before

        await change(a_spec("one", ("two", 50), scaling=two_each), one=50, two=50)
        await change(a_spec("one", ("two", 50), scaling={"minReplicas": 3}), one=50, two=50)
        await asyncio.to_thread(
            until, "more replicas", lambda: shared.ready("one"), (3).__eq__, seconds=READY_SECONDS
        )
        await change(a_spec("one", ("two", 50), scaling=two_each), one=50, two=50)
        await asyncio.to_thread(
            until, "fewer replicas", lambda: shared.ready("one"), (2).__eq__, seconds=60
        )
        victim = min(shared.processes("one"))
        os.kill(victim, signal.SIGKILL)
        await load.more(500)
        await asyncio.to_thread(
            until,
            "another process in its place",
            lambda: len(shared.processes("one") - {victim}) == 2 and shared.ready("one") == 2,
            seconds=READY_SECONDS,
        )
        await change(a_spec("three", ("two", 50), scaling=two_each), three=50, two=50)
        await load.more(max(100, REQUESTS - load.total))
    assert load.lost == []
    assert load.total >= REQUESTS
    assert set(load.answers) == {"one", "two", "three"}


async def test_replicas_follow_the_load_and_go_again(shared: House) -> None:
    limits = {"maxReplicas": 3, "target": 4}
    await asyncio.to_thread(carried_out, shared, a_spec("one", scaling=limits), one=100)
    await asyncio.to_thread(
        until, "one replica", lambda: shared.ready("one"), (1).__eq__, seconds=READY_SECONDS
    )

    def slow(entity: int) -> bytes:
        return a_request(entity, after=0.25)

    async with a_load(shared, slow, clients=12) as load:  # type: ignore[arg-type]
        await asyncio.to_thread(
            until, "three replicas", lambda: shared.ready("one"), (3).__eq__, seconds=READY_SECONDS
        )
        await load.more(20)
    await asyncio.to_thread(
        until, "one replica again", lambda: len(shared.processes("one")), (1).__eq__, seconds=30
    )
    assert load.lost == []
