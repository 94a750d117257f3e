"""Batches, refusals and deadlines of one model that many ask."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from dohyo_serving.batching import Batcher
from dohyo_serving.engine import Limits
from dohyo_serving.failures import LATE, OVERLOADED, RequestError
from tests.unit.serving.serving_in_process import ask, call, channel, settle, started
from tests.unit.serving.test_answers import INFER, ROWS, infer_request, records, tensors

if TYPE_CHECKING:
    from pathlib import Path

NEVER = float("inf")


class Model:
    """Doubles its input, fails on negative numbers, and remembers the batches it saw."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.seconds = 0.0

    def __call__(self, inputs: Any) -> Any:
        self.batches.append(len(inputs))
        self.threads.add(threading.get_ident())
        assert self.gate.wait(10)
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            pass
        if (inputs < 0).any():
            raise ValueError("negative")
        return inputs * 2


async def test_what_arrives_in_one_turn_is_predicted_together() -> None:
    model = Model()
    batcher = Batcher(model, 100)
    inputs = [np.full((rows, 1), rows, float) for rows in (1, 3, 2)]
    answers = await asyncio.gather(*(batcher.submit(each, len(each), NEVER) for each in inputs))
    assert model.batches == [6]
    for given, got in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(got, given * 2)
    await batcher.submit(inputs[0], 1, NEVER)
    assert model.batches == [6, 1]


async def test_a_bad_row_does_not_fail_its_neighbours() -> None:
    batcher = Batcher(Model(), 100, checked=False)
    good, bad = np.ones((1, 1)), -np.ones((1, 1))
    results = await asyncio.gather(
        *(batcher.submit(each, 1, NEVER) for each in (good, bad, good)), return_exceptions=True
    )
    assert isinstance(results[1], RequestError)
    assert results[1].kind.status == 400
    np.testing.assert_array_equal(results[0], good * 2)
    np.testing.assert_array_equal(results[2], good * 2)
    blamed = Batcher(Model(), 100, checked=True).submit(bad, 1, NEVER)
    with pytest.raises(RequestError) as fault:
        await blamed
    assert fault.value.kind.status == 500


async def test_rows_beyond_the_bound_are_refused() -> None:
    batcher = Batcher(Model(), 4)
    first = batcher.submit(np.ones((3, 1)), 3, NEVER)
    with pytest.raises(RequestError) as refused:
        batcher.submit(np.ones((2, 1)), 2, NEVER)
    assert refused.value.kind is OVERLOADED
    await first
    # A single request is never too large for an empty queue.
    await batcher.submit(np.ones((9, 1)), 9, NEVER)


async def test_who_comes_too_late_is_told_and_costs_nothing() -> None:
    model = Model()
    batcher = Batcher(model, 100)
    late = batcher.submit(np.ones((1, 1)), 1, time.monotonic() - 1)
    gone = batcher.submit(np.ones((1, 1)), 1, NEVER)
    gone.cancel()
    with pytest.raises(RequestError) as refused:
        await late
    assert refused.value.kind is LATE
    assert model.batches == []


async def test_a_slow_model_leaves_the_loop_and_batches_what_waits() -> None:
    model = Model()
    model.seconds = 0.03
    batcher = Batcher(model, 100)
    await batcher.submit(np.ones((1, 1)), 1, NEVER)
    model.gate.clear()
    first = batcher.submit(np.ones((1, 1)), 1, NEVER)
    while len(model.batches) < 2:
        await asyncio.sleep(0.001)
    others = [batcher.submit(np.ones((1, 1)), 1, NEVER) for _ in range(5)]
    # The loop is free while the model is at work.
    await asyncio.sleep(0)
    assert not first.done()
    model.gate.set()
    await asyncio.gather(first, *others)
    assert model.batches == [1, 1, 5]
    assert len(model.threads) == 2
    batcher.close()


async def test_a_slow_model_keeps_nobody_beyond_the_deadline() -> None:
    model = Model()
    model.seconds = 0.03
    batcher = Batcher(model, 100)
    await batcher.submit(np.ones((1, 1)), 1, NEVER)
    model.gate.clear()
    at_work = batcher.submit(np.ones((1, 1)), 1, time.monotonic() + 0.05)
    await asyncio.sleep(0.01)
    queued = batcher.submit(np.ones((1, 1)), 1, time.monotonic() + 0.05)
    patient = batcher.submit(np.ones((1, 1)), 1, time.monotonic() + 60)
    for late in (at_work, queued):
        with pytest.raises(RequestError) as refused:
            await asyncio.wait_for(late, 5)
        assert refused.value.kind is LATE
    assert not patient.done()
    model.gate.set()
    np.testing.assert_array_equal(await patient, [[2.0]])
    # Who gave up while it waited is not predicted.
    assert model.batches == [1, 1, 1]
    batcher.close()


async def test_requests_beyond_the_bound_are_refused_on_http(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells, Limits(requests=3)) as endpoint:
        replies = await asyncio.gather(*(ask(endpoint, INFER, tensors()) for _ in range(8)))
        assert sorted(reply.status for reply in replies) == [200] * 3 + [429] * 5
        refused = next(reply for reply in replies if reply.status == 429)
        assert refused.headers["retry-after"] == "1"
        assert (await ask(endpoint, INFER, tensors())).status == 200
        metrics = (await ask(endpoint, "/metrics")).body.decode()
        assert 'dohyo_serving_in_flight{model="cells",version="v2"} 0.0' in metrics


async def test_requests_beyond_the_bound_are_refused_on_grpc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(monkeypatch, None)

    def slow(matrix: Any) -> Any:
        time.sleep(0.1)
        return matrix.sum(axis=1)

    async with started(slow, Limits(requests=2)) as endpoint, channel(endpoint) as opened:
        await call(opened, "ModelInfer", infer_request())
        calls = (call(opened, "ModelInfer", infer_request()) for _ in range(6))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
        assert len(refused) == 4
        for each in refused:
            assert each.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert each.details() == "2 requests are at work; try again later"
        late = call(opened, "ModelInfer", infer_request(), timeout=0.05)
        with pytest.raises(grpc.aio.AioRpcError) as passed:
            await late
        assert passed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_sizes_and_deadlines_are_limits(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells, Limits(request_bytes=6000, rows=4)) as endpoint:
        assert (await ask(endpoint, INFER, tensors(ROWS[:1]))).status == 200
        many = await ask(endpoint, INFER, tensors())
        assert (many.status, many.document["error"]) == (
            413,
            "5 rows in one request; send at most 4",
        )
        large = await ask(endpoint, "/predict", records() * 10)
        assert large.status == 413
        announced = await ask(endpoint, "/predict", records(), content_length="7000")
        assert announced.status == 413
        late = await ask(endpoint, INFER, tensors(ROWS[:1]), x_envoy_expected_rq_timeout_ms="0")
        assert late.status == 504


async def test_accepted_grpc_calls_are_finished_and_new_ones_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(monkeypatch, None)
    begun = threading.Event()

    def slow(matrix: Any) -> Any:
        begun.set()
        time.sleep(0.2)
        return matrix.sum(axis=1)

    async with started(slow) as endpoint, channel(endpoint) as opened:
        # The first tells the batcher that the model belongs in a thread.
        await call(opened, "ModelInfer", infer_request())
        begun.clear()
        accepted = [asyncio.create_task(call(opened, "ModelInfer", infer_request()))]
        await asyncio.to_thread(begun.wait, 5)
        await endpoint.drain(10)
        answer, _ = await accepted[0]
        assert len(answer.outputs) == 1
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, "ModelInfer", infer_request())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_body_that_does_not_come_takes_nobody_s_place(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells, Limits(requests=1, seconds=0.2)) as endpoint:
        assert endpoint.http is not None
        sent: list[Any] = []
        scope: Any = {"type": "http", "method": "POST", "path": INFER, "headers": []}

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(event: Any) -> None:
            sent.append(event)

        dawdling = asyncio.create_task(endpoint.http(scope, receive, send))
        await asyncio.sleep(0)
        assert (await ask(endpoint, INFER, tensors())).status == 200
        await asyncio.wait_for(dawdling, 5)
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]
        assert b"did not come within 0.2 s" in sent[1]["body"]
        # Somebody else's cancellation stays one.
        other = asyncio.create_task(endpoint.http(scope, receive, send))
        await asyncio.sleep(0)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        assert (await ask(endpoint, INFER, tensors())).status == 200


async def test_a_plain_function_and_an_estimator_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(lambda matrix: matrix.sum(axis=1)) as endpoint:
        reply = await ask(endpoint, INFER, tensors())
        assert reply.document["outputs"][0]["name"] == "value"
        np.testing.assert_allclose(reply.document["outputs"][0]["data"], ROWS.sum(axis=1))
        assert (await ask(endpoint, "/predict", records())).status == 400

    def picky(matrix: Any) -> Any:
        raise ValueError(f"{matrix.shape[1]} columns are too many")

    async with started(picky) as endpoint:
        reply = await ask(endpoint, INFER, tensors())
        assert reply.status == 400
        assert "30 columns are too many" in reply.document["error"]
