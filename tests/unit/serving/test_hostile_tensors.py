"""Tensors that mean harm, or mean well and are seldom seen: neither costs more than its bytes."""

from __future__ import annotations

import json
import struct
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from dohyo_form.contract import Contract, Field
from dohyo_serving.oip import open_inference_pb2 as messages
from tests.unit.serving.serving_in_process import ask, call, channel, settle, started
from tests.unit.serving.test_answers import INFER, ROWS, infer_request, tensors

if TYPE_CHECKING:
    from pathlib import Path

# Not-a-numbers that every processor complains of when it calculates with them.
SIGNALLING = {
    "FP16": struct.pack("<H", 0x7C01),
    "FP32": struct.pack("<I", 0x7F800001),
    "FP64": struct.pack("<Q", 0x7FF0000000000001),
}
NULLABLE = Contract(
    (
        Field("visits", "integer", nullable=True),
        Field("member", "boolean", nullable=True),
        Field("plan", "category", categories=("basic", "gold"), nullable=True),
    )
)

INTEGERS = Contract((Field("a", "integer"), Field("b", "integer", nullable=True)))


def visits(frame: Any) -> Any:
    return frame["visits"].fillna(-1.0) + frame["member"].astype(float).fillna(-10.0)


def column(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def binary(datatype: str, data: bytes, shape: tuple[int, ...]) -> tuple[bytes, str]:
    """A request of one binary tensor, and the length of its JSON."""
    tensor = {
        "name": "x",
        "datatype": datatype,
        "shape": shape,
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + data, str(len(head))


async def test_a_text_among_numbers_costs_no_more_than_its_bytes(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    # As texts of equal width these would be 120 MB.
    body = json.dumps({"inputs": [column("x", "FP64", ["x" * 30_000] + [1.0] * 999)]})
    async with started(cells) as endpoint:
        tracemalloc.start()
        reply = await ask(endpoint, INFER, body)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert reply.status == 400
    assert "does not hold FP64 values" in reply.document["error"]
    assert peak < 5_000_000


async def test_null_is_missing_in_every_datatype(monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    inputs = [
        column("visits", "INT64", [3, None, 2**40]),
        column("member", "BOOL", [None, True, False]),
        column("plan", "BYTES", ["gold", None, None]),
    ]
    async with started(visits, contract=NULLABLE) as endpoint:
        answer = await ask(endpoint, INFER, json.dumps({"inputs": inputs}))
        assert answer.status == 200, answer.body
        assert answer.document["outputs"][0]["data"] == [-7.0, 0.0, 2.0**40]
        inputs[0] = column("visits", "UINT8", [3, None, 256])
        refused = await ask(endpoint, INFER, json.dumps({"inputs": inputs}))
        assert refused.status == 400
        assert "256, which is no UINT8" in refused.document["error"]


@pytest.mark.parametrize("contract", [None, INTEGERS])
async def test_null_is_not_a_number_in_a_matrix(
    contract: Contract | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    body = {"inputs": [{**column("x", "INT64", [3, None]), "shape": [1, 2]}]}
    async with started(lambda matrix: np.nansum(matrix, axis=1), contract=contract) as endpoint:
        answer = await ask(endpoint, INFER, json.dumps(body))
    assert answer.status == 200, answer.body
    assert answer.document["outputs"][0]["data"] == [3.0]


@pytest.mark.parametrize("datatype", SIGNALLING)
async def test_no_bits_of_a_number_make_a_warning(
    datatype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    fields = Field("a", "number", nullable=True), Field("b", "integer", nullable=True)
    body, length = binary(datatype, SIGNALLING[datatype] * 2, (1, 2))

    def model(matrix: Any) -> Any:
        return (np.nan_to_num(matrix) * 2).sum(axis=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with started(model, contract=Contract(fields)) as endpoint:
            named = {"inference_header_content_length": length}
            reply = await ask(endpoint, INFER, body, **named)
        assert reply.status == 200, reply.body
        assert reply.document["outputs"][0]["data"] == [0.0]


async def test_no_typed_bits_of_a_number_make_a_warning(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None)
    request = infer_request(ROWS[:1], raw=False)
    wire = request.SerializeToString()
    wire = wire.replace(struct.pack("<d", ROWS[0, 0]), SIGNALLING["FP64"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with started(cells) as endpoint, channel(endpoint) as opened:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(opened, "ModelInfer", messages.ModelInferRequest.FromString(wire))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "f0: must be a finite number, not nan" in str(refused.value.details())


@pytest.mark.parametrize("digits", ["0" * 5000, "9" * 5000])
async def test_a_length_of_thousands_of_digits_is_the_clients_mistake(
    digits: str, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells) as endpoint:
        reply = await ask(endpoint, INFER, tensors(), inference_header_content_length=digits)
    assert reply.status == 400
    assert "is no length within" in reply.document["error"]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [("FP64", [[1.0, 2.0], [3.0]]), ("BYTES", [["a"], ["b", "c"]]), ("INT64", [[1], 2, 3])],
)
async def test_rows_of_different_lengths_are_no_tensor(
    datatype: str, data: list[Any], cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    body = {"inputs": [{**column("x", datatype, data), "shape": [3]}]}
    async with started(cells) as endpoint:
        reply = await ask(endpoint, INFER, json.dumps(body))
    assert reply.status == 400
    assert "input 'x': data is ragged" in reply.document["error"]
