"""Who answers whom, told by the file alone: ramps, chance, and versions chosen by hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from dohyo.contract import HEADER_VERSION
from tests.harness import split
from tests.harness.http1 import Connection
from tests.local.ring.house import ENTITY, HOST, a_request, a_spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.harness.http1 import Answer
    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(240)
CLIENTS = 8


def nameless() -> bytes:
    """A request that says nothing of whose it is."""
    lines = a_request(0).split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(ENTITY.encode()))


async def asked(house: House, requests: Iterable[bytes]) -> list[Answer]:
    """The answers, in the order of the requests; over a few kept connections."""
    loop = asyncio.get_running_loop()
    pending = iter(enumerate(requests))
    answers: dict[int, Answer] = {}

    async def client() -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", house.port)
        for number, request in pending:
            answers[number] = await connection.ask(request)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    assert {answer.status for answer in answers.values()} == {200}
    return [answers[number] for number in sorted(answers)]


async def versions(house: House, requests: Iterable[bytes]) -> list[str]:
    """Who says to have answered, and has: each version speaks its own word."""
    answers = await asked(house, requests)
    assert [a.body.decode() for a in answers] == [a.version for a in answers]
    return [answer.version for answer in answers]


async def carried_out(house: House, spec: dict[str, Any], **shares: float) -> None:
    house.write(spec)
    await asyncio.to_thread(house.until_shares, **shares)
    await asyncio.to_thread(house.until_ready)
    await asyncio.to_thread(house.until_routed)


async def test_a_ramp_moves_nobody_back(shared: House) -> None:
    requests = [a_request(entity) for entity in range(600)]
    before = ["one"] * len(requests)
    for weight in (10, 20, 50, 100):
        spec = a_spec("one", ("two", weight))
        await carried_out(shared, spec, one=100 - weight, two=weight)
        after = await versions(shared, requests)
        moves = Counter(zip(before, after, strict=True))
        assert moves["two", "one"] == 0
        assert moves["one", "two"] > 0
        before = after
    assert set(before) == {"two"}


@pytest.mark.parametrize("traffic", [{}, {"stickyBy": {"header": ENTITY}}], ids=["free", "sticky"])
async def test_who_names_no_entity_is_split_by_chance(
    shared: House, traffic: dict[str, Any]
) -> None:
    spec = a_spec("one", ("two", 20), traffic=traffic)
    await carried_out(shared, spec, one=80, two=20)
    counts = Counter(await versions(shared, [nameless()] * 2000))
    assert split.chance(counts, {"one": 80, "two": 20}) > 1e-4


async def test_a_header_chooses_among_the_versions_that_there_are(shared: House) -> None:
    await carried_out(shared, a_spec("one", ("two", 0)), one=100, two=0)
    async with aiohttp.ClientSession() as session:

        async def chosen(word: str, url: str, host: str) -> tuple[int, str]:
            headers = {"Host": host, HEADER_VERSION: word}
            async with session.post(url, json={}, headers=headers) as answer:
                return answer.status, await answer.text()

        outside = f"http://127.0.0.1:{shared.port}"
        inside = (f"{outside}/say", HOST)
        by_path = (f"{outside}/{'/'.join(reversed(HOST.split('.')))}/say", "models.example.com")
        for place in (inside, by_path):
            for word in ("one", "two"):
                assert await chosen(word, *place) == (200, word)
            status, words = await chosen("three", *place)
            assert (status, "one, two" in words) == (404, True)
