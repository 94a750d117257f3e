"""Bytes by gRPC that are no message: the client's mistake, told as one and counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from dohyo_serving.oip import open_inference_pb2 as messages
from tests.unit.serving.serving_in_process import ask, call, channel, settle, started
from tests.unit.serving.test_answers import infer_request

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = {
    "no message at all": ("ModelInfer", b"\xff\xff\xff\xff"),
    "one that ends early": ("ModelInfer", infer_request().SerializeToString()[:-3]),
    "a name that is no UTF-8": ("ModelReady", b"\x0a\x02\xff\xfe"),
}


@pytest.mark.parametrize("case", MESSAGES)
async def test_what_is_no_message_is_refused_like_any_other_mistake(
    case: str, cells: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    method, wire = MESSAGES[case]
    settle(monkeypatch, None)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        stub: Any = opened.unary_unary(f"/inference.GRPCInferenceService/{method}")
        with caplog.at_level(logging.WARNING), pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub(wire)
        metrics = (await ask(endpoint, "/metrics")).body.decode()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"no {method}Request" in str(refused.value.details())
    assert dict(refused.value.trailing_metadata() or ())["x-dohyo-version"] == "v2"
    assert 'dohyo_serving_requests_total{code="INVALID_ARGUMENT"' in metrics
    # grpcio wakes the loops of all tests by one pipe, and asyncio tells who finds it empty.
    assert [each for each in caplog.records if each.name != "asyncio"] == []


async def test_both_protocols_name_one_platform(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        told, _ = await call(opened, "ModelMetadata", messages.ModelMetadataRequest(name="cells"))
        rest = (await ask(endpoint, "/v2/models/cells")).document
    assert told.platform == rest["platform"] == "dohyo-form_linear"
