"""Whole ways of evidence: versions, gateway, evidence service and the ring that asks it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dohyo.cluster.witnesses import UnheardError
from dohyo.contract import (
    AGENT_METRICS_PATH,
    HEADER_VERSION,
    routing_from_status,
)
from tests.harness import split
from tests.harness.http1 import Connection
from tests.harness.until import until, until_async
from tests.local.evidence.running import prediction, signed
from tests.local.evidence.stored import stored
from tests.local.ring.hearing import gate, service, trial
from tests.local.ring.house import HOST, KEY, NAME, READY_SECONDS, a_request, a_spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.contract.evidence import GateReport
    from tests.harness.http1 import Answer
    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(240)
CLIENTS = 8
SLOW_SECONDS = 0.5
SLOW = {"name": "slow", "metric": "latency", "slo": "250ms", "harmRatio": 1.5}
ERRORS = {"name": "errors", "metric": "error-rate", "harmRatio": 1.5}
REWARD = {"name": "reward", "metric": "reward", "cap": 1}


async def on_trial(house: House, *gates: dict[str, Any], delay: str = "2s", **fields: Any) -> None:
    """Begins a trial of half the requests that asks these questions, and decides nothing.

    Args:
        gates: what is asked.
        delay: after which units settle.
        fields: of the spec.
    """
    before = trial(house)
    rollout = {
        "steps": [{"weight": 50, "for": "1h"}],
        "gates": list(gates),
        "labels": {"maxDelay": delay},
        "onFail": "Pause",
    }
    house.write(a_spec("one", ("two", 0), rollout=rollout, **fields))

    def begun() -> bool:
        return trial(house) not in ("", before)

    await asyncio.to_thread(until, "a new trial", begun, seconds=READY_SECONDS)
    await asyncio.to_thread(house.until_shares, one=50, two=50)
    await asyncio.to_thread(house.until_ready)
    await asyncio.to_thread(house.until_routed)
    await heard(house, str(gates[0]["name"]))


async def heard(house: House, name: str) -> GateReport:
    """What is known for a gate, once the service knows the trial."""

    async def known() -> GateReport | None:
        try:
            return await gate(house, name)
        except (UnheardError, ValueError):
            return None

    found = await until_async("the trial is known", known, seconds=READY_SECONDS, every=0.1)
    assert found is not None
    return found


async def until_counted(house: House, **events: int) -> None:
    """Until so many bad units of both arms have settled for each gate, and no others."""

    async def settled() -> dict[str, int]:
        gates = {name: await heard(house, name) for name in events}
        return {name: g.champion.events + g.challenger.events for name, g in gates.items()}

    await until_async("all is settled", settled, events.__eq__, seconds=60, every=0.1)


async def ask(house: House, requests: Iterable[bytes]) -> list[Answer]:
    """The answers, in no order."""
    loop = asyncio.get_running_loop()
    pending = iter(requests)
    answers: list[Answer] = []

    async def client() -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", house.port)
        answers.extend([await connection.ask(request) for request in pending])
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return answers


def owned(house: House, version: str, entities: Iterable[int]) -> list[int]:
    """Those of the entities that belong to a version."""
    table = routing_from_status(house.resource()["status"]["routing"])
    return [e for e in entities if split.owner(table, f"customer-{e}") == version]


@pytest.mark.parametrize("both", [False, True], ids=["challenger", "both"])
async def test_one_slow_answer_in_twenty_fails_the_latency_gate_of_whom_it_is_of(
    shared: House, both: bool
) -> None:
    # A gate of its own name each time, which makes a trial of its own.
    name = "both" if both else "theirs"
    await on_trial(shared, {**SLOW, "name": name})
    everybody = range(1000)
    theirs, ours = (set(owned(shared, v, everybody)[::20]) for v in ("two", "one"))
    slow = theirs | (ours if both else set())
    answers = await ask(shared, (a_request(e, after=SLOW_SECONDS * (e in slow)) for e in everybody))
    assert {answer.status for answer in answers} == {200}
    found = await until_async(
        "slow answers have settled",
        lambda: heard(shared, name),
        lambda g: g.champion.events + g.challenger.events >= len(slow),
        seconds=60,
        every=0.1,
    )
    # A slow machine may add some of its own, to both alike.
    assert found.challenger.events >= len(theirs)
    assert found.failed == (not both), found.message
    if found.failed:
        (finding,) = await asyncio.to_thread(
            until, "the ring knows it", lambda: findings(shared), failed, seconds=30
        )
        assert "slow" in finding["message"]


def findings(house: House) -> list[dict[str, Any]]:
    (rollout,) = house.resource()["status"]["rollouts"]
    gates: list[dict[str, Any]] = rollout.get("verdict", {}).get("gates", [])
    return gates


def failed(gates: list[dict[str, Any]]) -> bool:
    return [one["outcome"] for one in gates] == ["failed"]


async def test_requests_of_a_killed_replica_are_no_evidence_against_anybody(
    shared: House,
) -> None:
    await on_trial(shared, {**ERRORS, "name": "killed"}, scaling={"minReplicas": 2})
    await asyncio.to_thread(
        until, "two of each", lambda: shared.ready("two"), (2).__eq__, seconds=READY_SECONDS
    )
    before = await retries(shared)
    entities = owned(shared, "two", range(200))[: 4 * CLIENTS]
    asking = asyncio.create_task(ask(shared, (a_request(e, after=0.5) for e in entities)))
    await asyncio.to_thread(
        until, "all are under way", lambda: under_way(shared, "two"), (CLIENTS).__eq__, seconds=10
    )
    os.kill(min(shared.processes("two")), signal.SIGKILL)
    answers = await asking
    assert {(answer.status, answer.version) for answer in answers} == {(200, "two")}

    async def again() -> Counter[str]:
        return await retries(shared) - before

    assert set(await until_async("some are tried again", again, seconds=20)) == {"two"}
    # What follows is told of; so nothing before it was held back.
    await ask(shared, [a_request(1000, status=500)])
    await until_counted(shared, killed=1)


def under_way(house: House, version: str) -> int:
    return house.gateway_report().counters[KEY][version].active


async def retries(house: House) -> Counter[str]:
    """By version, how many requests needed another attempt."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(house.agent + AGENT_METRICS_PATH) as answer,
    ):
        families = text_string_to_metric_families(await answer.text())
    found = Counter[str]()
    for sample in (sample for family in families for sample in family.samples):
        if sample.name == "dohyo_gateway_retries_total":
            found[sample.labels["version"]] += int(sample.value)
    return found


async def test_errors_and_slow_answers_are_told_of_and_nothing_else(shared: House) -> None:
    await on_trial(shared, ERRORS, SLOW)
    numbers = iter(range(10_000))

    def some(count: int, status: int = 200, after: float = 0.0) -> list[bytes]:
        return [a_request(next(numbers), status=status, after=after) for _ in range(count)]

    # No errors: a client's mistake, a good answer, and who chose the version by hand.
    await ask(shared, some(9) + some(3, 404) + some(3, 422))
    await ask(shared, [by_hand(request) for request in some(4, 500)])
    await ask(shared, some(3, 500) + some(2, 503) + some(4, after=SLOW_SECONDS))
    # An answer that failed is no quick one either.
    await until_counted(shared, errors=5, slow=9)
    # A service that was away hears of all that happened meanwhile.
    process = service(shared)
    assert process is not None
    process.kill()
    await ask(shared, some(3, 502))
    await until_counted(shared, errors=8, slow=12)


def by_hand(request: bytes) -> bytes:
    return request.replace(b"\r\n", f"\r\n{HEADER_VERSION}: two\r\n".encode(), 1)


def an_id(house: House, entity: str) -> str:
    """Of an answer of the champion; these bentos answer words, which nothing is learnt from."""
    of = {"namespace": "default", "deployment": NAME, "version": "one", "trial": trial(house)}
    return signed(prediction(entity, **of), house.state / "evidence" / "keys")


async def test_feedback_comes_by_path_and_by_host(shared: House) -> None:
    await on_trial(shared, REWARD, delay="10m")
    root = f"http://127.0.0.1:{shared.port}"
    outside, inside = {"Host": "models.example.com"}, {"Host": HOST}
    doors = ((f"{root}/{KEY}/feedback", outside), (f"{root}/feedback", inside))
    async with aiohttp.ClientSession() as session:

        async def tell(door: tuple[str, dict[str, str]], row: dict[str, Any]) -> tuple[int, Any]:
            async with session.post(door[0], json=row, headers=door[1]) as answer:
                return answer.status, await answer.text()

        rows = [{"prediction_id": an_id(shared, f"{n:07d}"), "reward": 1} for n in range(2)]
        for door, row in zip(doors, rows, strict=True):
            status, said = await tell(door, row)
            assert (status, json.loads(said)["accepted"]) == (200, 1), said
        # The model keeps the path for other methods, and all that lies below it.
        for path in ("feedback", "feedback/more"):
            async with session.get(f"{root}/{KEY}/{path}") as answer:
                assert HEADER_VERSION in answer.headers
        process = service(shared)
        assert process is not None
        process.kill()
        status, said = await tell(doors[0], rows[0])
        assert status == 503, said
        (answered,) = await ask(shared, [a_request(7)])
        assert answered.status == 200
        # The ring starts it again, and what was told twice counts once.
        status, said = await until_async(
            "it takes feedback again",
            lambda: tell(doors[0], rows[0]),
            lambda told: told[0] != 503,
            seconds=READY_SECONDS,
        )
        assert status == 200, said
    database = f"sqlite:///{shared.state}/evidence/evidence.db"
    assert len(await asyncio.to_thread(stored, database)) == 2
