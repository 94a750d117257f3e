"""Records reach who asks for them, and never stand in the way of a prediction."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dohyo.contract.keys import FOR_RECORDS
from dohyo.contract.prediction_id import decode
from dohyo.contract.records import (
    RECORDS_PATH,
    PredictionRecord,
    WindowRecord,
    record_from_json,
)
from tests.unit.serving.serving_in_process import ASSIGNMENT, MASTER, ask, settle, started
from tests.unit.serving.test_answers import INFER, ROWS, records, tensors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest


class Inbox:
    """What was sent, and the status that is answered."""

    def __init__(self) -> None:
        self.records: list[PredictionRecord | WindowRecord] = []
        self.namespaces: set[str | None] = set()
        self.status = 200
        self.attempts = 0
        self.attempted_at: list[float] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.attempts += 1
        self.attempted_at.append(time.monotonic())
        if self.status == 200:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            self.namespaces.add(MASTER.namespace_of_token(token, FOR_RECORDS))
            text = await request.text()
            self.records += [record_from_json(json.loads(line)) for line in text.splitlines()]
        return web.Response(status=self.status)


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """A receiver on a port of 127.0.0.1 that reads by the contract."""
    receiver = Inbox()
    app = web.Application()
    app.router.add_post(RECORDS_PATH, receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    receiver.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def until(reached: Any) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.01)


async def test_records_and_windows_arrive_with_what_evidence_needs(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dohyo_serving.shipping.FLUSH_SECONDS", 0.02)
    async with inbox() as evidence:
        settle(monkeypatch, keys, DOHYO_EVIDENCE_URL=evidence.url, DOHYO_GRPC_PORT="off")
        async with started(cells) as endpoint:
            stamped = {"x_dohyo_assignment": ASSIGNMENT, "x_request_id": "r1"}
            one = await ask(endpoint, "/predict", records(ROWS[:1]), **stamped)
            copied = {**stamped, "x_dohyo_assignment": ASSIGNMENT.replace("split", "shadow")}
            await ask(endpoint, INFER, tensors(), **copied)
            await until(lambda: len(evidence.records) == 2)
        # The windows were closed when the process ended.
        live, copy = (each for each in evidence.records if isinstance(each, WindowRecord))
    single, many = (each for each in evidence.records if isinstance(each, PredictionRecord))
    assert evidence.namespaces == {"shop"}
    assert single.prediction_id == one.headers["x-dohyo-prediction-id"]
    assert (single.request_id, single.protocol, single.numbers) == ("r1", "http", ())
    assert decode(many.prediction_id, MASTER.signing_key).shadow
    assert len(many.numbers) == 10
    assert (live.requests, live.rows, live.shadow) == (1, 1, False)
    assert (copy.requests, copy.rows, copy.shadow) == (1, 5, True)
    assert (live.deployment, live.version) == ("cells", "v2")
    assert live.classes == ("benign", "malignant")
    assert live.ended > live.started
    assert set(live.features) == {f"f{place}" for place in range(30)}
    for window in (live, copy):
        for bins in (*window.features.values(), window.prediction):
            assert bins is not None
            assert sum(bins.counts) == window.rows
            assert sum(bins.reference) == 569


async def test_the_names_of_classes_do_not_wait_for_a_whole_window(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dohyo_serving.shipping.FLUSH_SECONDS", 0.02)
    monkeypatch.setattr("dohyo_serving.shipping.FIRST_WINDOW_SECONDS", 0.02)
    async with inbox() as evidence:
        settle(monkeypatch, keys, DOHYO_EVIDENCE_URL=evidence.url, DOHYO_GRPC_PORT="off")
        async with started(cells) as endpoint:
            await ask(endpoint, "/predict", records(ROWS[:1]))
            await until(lambda: any(isinstance(each, WindowRecord) for each in evidence.records))
            (window,) = (each for each in evidence.records if isinstance(each, WindowRecord))
            assert (window.requests, window.classes) == (1, ("benign", "malignant"))


async def test_a_service_that_is_away_costs_no_prediction(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dohyo_serving.shipping.FLUSH_SECONDS", 0.02)
    monkeypatch.setattr("dohyo_serving.shipping.MOST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("dohyo_serving.shipping.MOST_WAITING", 5)
    async with inbox() as evidence:
        evidence.status = 503
        settle(monkeypatch, keys, DOHYO_EVIDENCE_URL=evidence.url, DOHYO_GRPC_PORT="off")
        async with started(cells) as endpoint:
            for _ in range(9):
                assert (await ask(endpoint, INFER, tensors())).status == 200
            await until(lambda: evidence.attempts >= 2)
            metrics = (await ask(endpoint, "/metrics")).body.decode()
            assert 'records_total{model="cells",outcome="dropped",version="v2"} 4.0' in metrics
            evidence.status = 200
            await until(lambda: len(evidence.records) == 5)
        (window,) = (each for each in evidence.records if isinstance(each, WindowRecord))
        assert (window.requests, window.dropped) == (9, 4)


async def test_no_pause_is_longer_than_what_the_service_waits_for(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes back after all others have been settled would look like a broken split."""
    monkeypatch.setattr("dohyo_serving.shipping.FLUSH_SECONDS", 0.02)
    monkeypatch.setattr("dohyo_serving.shipping.MOST_PAUSE_SECONDS", 0.4)
    async with inbox() as evidence:
        evidence.status = 503
        settle(monkeypatch, keys, DOHYO_EVIDENCE_URL=evidence.url, DOHYO_GRPC_PORT="off")
        async with started(cells) as endpoint:
            await ask(endpoint, INFER, tensors())
            await until(lambda: evidence.attempts >= 7)
    pauses = [after - before for before, after in pairwise(evidence.attempted_at)]
    assert 0.4 <= max(pauses) < 0.7


async def test_refused_records_are_not_sent_again(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dohyo_serving.shipping.FLUSH_SECONDS", 0.02)
    async with inbox() as evidence:
        evidence.status = 400
        settle(monkeypatch, keys, DOHYO_EVIDENCE_URL=evidence.url, DOHYO_GRPC_PORT="off")
        async with started(cells) as endpoint:
            await ask(endpoint, INFER, tensors())
            assert endpoint.engine is not None
            shipper = endpoint.engine.telemetry.shipper
            assert shipper is not None
            await until(lambda: shipper.refused == 1)
            assert (evidence.attempts, shipper.waiting) == (1, 0)


async def test_a_sample_is_one_of_entities(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inbox() as evidence:
        settle(
            monkeypatch,
            keys,
            DOHYO_EVIDENCE_URL=evidence.url,
            DOHYO_GRPC_PORT="off",
            DOHYO_RECORDS_SAMPLE="0.5",
        )
        async with started(cells) as endpoint:
            for _ in range(2):
                for person in range(60):
                    await ask(
                        endpoint,
                        INFER,
                        tensors(ROWS[:1]),
                        x_dohyo_assignment=ASSIGNMENT,
                        x_dohyo_entity=f"p{person}",
                    )
    found = [each for each in evidence.records if isinstance(each, PredictionRecord)]
    entities = [decode(each.prediction_id, MASTER.signing_key).entity for each in found]
    assert {each.sample for each in found} == {0.5}
    assert all(entities.count(entity) == 2 for entity in entities)
    assert 15 <= len(set(entities)) <= 45
