"""Arbitrary requests over both protocols: no fault of ours, and no metric that grows with them.

DOHYO_FUZZ_EXAMPLES raises the number of inputs; the nightly run takes 10,000.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dohyo_serving.oip import open_inference_pb2 as messages
from tests.unit.form import simulated
from tests.unit.serving.serving_in_process import ask, call, channel, settle, started
from tests.unit.serving.test_answers import INFER, ROWS, infer_request, records, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EXAMPLES = int(os.environ.get("DOHYO_FUZZ_EXAMPLES", "150"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DATATYPES = st.sampled_from(("FP64", "FP32", "INT64", "BOOL", "BYTES", "UINT8", "FP16", "", "X"))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
# What overflows once it is scaled, or added to another one.
extremes = st.sampled_from((1.7e308, -1.7e308, 3.3e38, -3.3e38, 5e-324, 2**53 + 1))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
names = st.sampled_from(("x", "f0", "f1", "age", "plan", "input")) | st.text(max_size=5)
shapes = st.lists(st.integers(-2, 40) | st.just(2**70), max_size=4)
tensor = st.fixed_dictionaries(
    {"name": names | values, "datatype": DATATYPES | values, "shape": shapes | values},
    optional={
        "data": values,
        "parameters": st.dictionaries(
            st.sampled_from(("binary_data_size", "binary_data", "other")), values
        ),
    },
)
documents = (
    values
    | st.fixed_dictionaries(
        {"records": values | st.lists(st.dictionaries(names, values), max_size=3)}
    )
    | st.fixed_dictionaries(
        {"inputs": st.lists(tensor, max_size=3) | values},
        optional={"outputs": values, "id": values, "parameters": values},
    )
)
paths = st.sampled_from(
    ("/predict", INFER, "/v2", "/v2/models/cells", "/v2/health/live")
) | st.text(max_size=12).map(lambda text: f"/v2/{text}")
headers = st.fixed_dictionaries(
    {},
    optional={
        "inference_header_content_length": st.integers(-5, 500).map(str)
        | st.text("0x9", max_size=3),
        "x_dohyo_assignment": st.text(st.characters(max_codepoint=255), max_size=30)
        | st.just("trial=" + "t" * 300 + ";epoch=99999999999;version=a;mode=split;shares=a:1"),
        "x_dohyo_entity": st.text(st.characters(max_codepoint=255), max_size=10),
        "x_request_id": st.text(st.characters(max_codepoint=255), max_size=10),
        "x_envoy_expected_rq_timeout_ms": st.text("0129x", max_size=12),
        "content_length": st.text("0129x", max_size=4),
    },
)


@dataclass(frozen=True)
class Subject:
    """What is fuzzed: a model, how it is loaded, and a record that it answers."""

    model: Any
    how: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def records(self) -> st.SearchStrategy[Any]:
        """Complete records in which a few values are anything; most of them reach the model."""
        changes = st.dictionaries(
            st.sampled_from(sorted(self.record)), extremes | scalars, max_size=5
        )
        record = changes.map(lambda changed: {**self.record, **changed})
        return st.lists(record, min_size=1, max_size=3).map(lambda rows: {"records": rows})

    @property
    def matrices(self) -> st.SearchStrategy[Any]:
        """One tensor of all columns, in which a few values are anything."""
        usual = [value if type(value) is float else 1.0 for value in self.record.values()]
        changes = st.dictionaries(
            st.integers(0, len(usual) - 1), extremes | st.none() | st.floats(), max_size=5
        )
        row = changes.map(lambda changed: [changed.get(at, v) for at, v in enumerate(usual)])
        shape = [1, len(usual)]
        return row.map(
            lambda data: {
                "inputs": [{"name": "x", "datatype": "FP64", "shape": shape, "data": data}]
            }
        )


@pytest.fixture(params=["form of numbers", "form of mixed columns", "pipeline"])
def subject(request: pytest.FixtureRequest, cells: Path, customers: Path) -> Subject:
    numbers = {f"f{place}": value for place, value in enumerate(ROWS[0].tolist())}
    data = simulated.customers(600)
    mixed = next(record for record in data.records if None not in record.values())
    if request.param == "pipeline":
        pipeline = simulated.fitted("one-hot", "logistic", data)
        return Subject(pipeline, {"contract": simulated.CONTRACT}, mixed)
    return (
        Subject(cells, {}, numbers) if "numbers" in request.param else Subject(customers, {}, mixed)
    )


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_no_http_request_makes_a_fault_or_a_metric(
    subject: Subject, keys: Path, monkeypatch: pytest.MonkeyPatch, loop: asyncio.Runner
) -> None:
    settle(monkeypatch, keys, DOHYO_GRPC_PORT="off")
    context = started(subject.model, **subject.how)
    endpoint = loop.run(context.__aenter__())
    usual = [(p, b) for p in ("/predict", INFER) for b in (records(), tensors(), "{")]
    for path, body in usual:
        loop.run(ask(endpoint, path, body))
    seen: set[int] = set()

    @fuzzed
    @given(asked_of(subject), headers)
    def fuzz(asked: tuple[str, Any], named: dict[str, str]) -> None:
        path, document = asked
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        reply = loop.run(ask(endpoint, path, body, **named))
        # 504 is the client's own deadline.
        assert reply.status < 500 or reply.status == 504, (reply.status, reply.body)
        if reply.status == 200 and path == "/predict":
            rows = [each["probabilities"] for each in reply.document["predictions"]]
            assert all(abs(sum(row.values()) - 1) < 1e-9 for row in rows)
        seen.add(reply.status)

    fuzz()
    assert {200, 400, 422} <= seen
    _assert_bounded(loop, endpoint)
    loop.run(context.__aexit__(None, None, None))


def asked_of(subject: Subject) -> st.SearchStrategy[tuple[str, Any]]:
    """A path and a body: half of them anything, half of them nearly right."""
    anything = st.tuples(paths, documents | st.binary(max_size=40))
    return (
        anything
        | anything
        | st.tuples(st.just("/predict"), subject.records)
        | st.tuples(st.just(INFER), subject.matrices)
    )


def _assert_bounded(loop: asyncio.Runner, endpoint: Any) -> None:
    """Series of requests and refusals are few, whatever was asked."""
    metrics = loop.run(ask(endpoint, "/metrics")).body.decode().splitlines()
    answers = [line for line in metrics if line.startswith("dohyo_serving_requests_total{")]
    assert len(answers) <= 20
    fields = len(endpoint.engine.intake.contract.fields)
    refused = [line for line in metrics if line.startswith("dohyo_serving_refused_values_total{")]
    assert len(refused) <= (fields + 1) * 8
    assert not any('field="x"' in line for line in refused)


contents = st.fixed_dictionaries(
    {},
    optional={
        "bool_contents": st.lists(st.booleans(), max_size=40),
        "int_contents": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
        "fp64_contents": st.lists(st.floats(), max_size=60),
        "bytes_contents": st.lists(st.binary(max_size=5), max_size=5),
    },
)
grpc_tensors = st.builds(
    lambda name, datatype, shape, held: messages.ModelInferRequest.InferInputTensor(
        name=name, datatype=datatype, shape=shape, contents=messages.InferTensorContents(**held)
    ),
    names,
    DATATYPES,
    st.lists(st.sampled_from((0, 1, 2, 30, -1, 2**40)), max_size=3),
    contents,
)
requests = st.builds(
    messages.ModelInferRequest,
    model_name=st.sampled_from(("cells", "cells", "cells", "other", "")),
    model_version=st.sampled_from(("", "v2", "v3")),
    inputs=st.lists(grpc_tensors, max_size=3),
    raw_input_contents=st.lists(st.binary(max_size=16) | st.just(bytes(240)), max_size=3),
)
# The right shape with any bits: infinities, not-a-numbers, and what single precision has not.
nearly_right = st.builds(
    lambda raw, datatype, width: messages.ModelInferRequest(
        model_name="cells",
        inputs=[
            messages.ModelInferRequest.InferInputTensor(
                name="x", datatype=datatype, shape=[1, width]
            )
        ],
        raw_input_contents=[raw[: width * (8 if datatype == "FP64" else 4)]],
    ),
    st.binary(min_size=240, max_size=240),
    st.sampled_from(("FP64", "FP32")),
    st.sampled_from((12, 30)),
)


def test_no_grpc_request_makes_a_fault(
    subject: Subject,
    cells: Path,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
    loop: asyncio.Runner,
) -> None:
    settle(monkeypatch, keys)
    context = started(subject.model, **subject.how)
    endpoint = loop.run(context.__aenter__())
    opening = channel(endpoint)
    opened = loop.run(opening.__aenter__())
    codes: set[str] = set()

    @fuzzed
    @given(requests | nearly_right)
    def fuzz(request: Any) -> None:
        try:
            loop.run(call(opened, "ModelInfer", request, timeout=20))
        except grpc.aio.AioRpcError as error:
            codes.add(error.code().name)
        else:
            codes.add("OK")

    fuzz()
    if subject.model == cells:
        loop.run(call(opened, "ModelInfer", infer_request()))
    assert codes <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"}
    assert "INVALID_ARGUMENT" in codes
    _assert_bounded(loop, endpoint)
    loop.run(opening.__aexit__(None, None, None))
    loop.run(context.__aexit__(None, None, None))
