"""Mixed columns as binary data: texts with their lengths, numbers and booleans as they are."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dohyo_serving.failures import RequestError
from dohyo_serving.oip import open_inference_pb2 as messages
from dohyo_serving.oip.tensors import from_binary
from tests.unit.form import simulated
from tests.unit.serving.serving_in_process import ask, call, channel, settle, started
from tests.unit.serving.test_answers import INFER

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [r for r in simulated.customers(60, seed=9).records if r["channel"] is not None][:20]
DATATYPES = {"number": "FP64", "boolean": "BOOL", "category": "BYTES"}


def packed(name: str, datatype: str) -> bytes:
    """A column in the protocol's binary form; not-a-number stands for null."""
    values = [row[name] for row in ROWS]
    if datatype == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    numbers = [np.nan if value is None else value for value in values]
    return np.array(numbers, "?" if datatype == "BOOL" else "<f8").tobytes()


def columns() -> list[tuple[str, str, bytes]]:
    kinds = [(each.name, DATATYPES[each.kind]) for each in simulated.CONTRACT.fields]
    return [(name, datatype, packed(name, datatype)) for name, datatype in kinds]


async def test_both_protocols_answer_binary_columns_like_records(
    customers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None)
    async with started(customers) as endpoint, channel(endpoint) as opened:
        named = (await ask(endpoint, "/predict", json.dumps({"records": ROWS}))).document
        expected = [list(each["probabilities"].values()) for each in named["predictions"]]
        inputs: list[dict[str, Any]] = []
        request = messages.ModelInferRequest(model_name="cells")
        for name, datatype, data in columns():
            tensor = {"name": name, "datatype": datatype, "shape": [len(ROWS), 1]}
            inputs.append({**tensor, "parameters": {"binary_data_size": len(data)}})
            request.inputs.add(name=name, datatype=datatype, shape=[len(ROWS)])
            request.raw_input_contents.append(data)
        head = json.dumps({"inputs": inputs}).encode()
        body = head + b"".join(data for _, _, data in columns())
        length = {"inference_header_content_length": str(len(head))}
        rest = (await ask(endpoint, INFER, body, **length)).document
        np.testing.assert_array_equal(np.array(rest["outputs"][1]["data"]).reshape(-1, 2), expected)
        answer, _ = await call(opened, "ModelInfer", request)
        raw = np.frombuffer(answer.raw_output_contents[1], "<f8").reshape(-1, 2)
        np.testing.assert_array_equal(raw, expected)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x01\x00\x00\x00a", "5 bytes are too few for 2 texts"),
        (b"\x01\x00\x00\x00a\x09\x00\x00\x00b", "the texts end early"),
        (b"\x01\x00\x00\x00a\x01\x00\x00\x00bc", "1 bytes are left after 2 texts"),
        (b"\x01\x00\x00\x00a\x01\x00\x00\x00\xff", "a text is no UTF-8"),
        (b"\xff\xff\xff\xffaaaa", "the texts end early"),
    ],
)
def test_texts_that_are_not_as_long_as_they_say(data: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=f"input 'plan': {words}"):
        from_binary("plan", "BYTES", (2,), data)
