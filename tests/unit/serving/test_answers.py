"""What an endpoint answers over both protocols, with ids that evidence can read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import xxhash
from sklearn.datasets import load_breast_cancer

from dohyo.contract import BUCKETS
from dohyo.contract.keys import Keys
from dohyo.contract.prediction_id import decode
from dohyo_form.contract import Contract, Field
from dohyo_form.form import FOLDER, Form
from dohyo_serving.endpoint import Endpoint
from dohyo_serving.errors import ServingError
from dohyo_serving.oip import open_inference_pb2 as messages
from tests.unit.form import simulated
from tests.unit.serving.serving_in_process import (
    ASSIGNMENT,
    MASTER,
    ask,
    call,
    channel,
    settle,
    started,
    write_keys,
)

if TYPE_CHECKING:
    from pathlib import Path

ROWS = load_breast_cancer().data[:5]
INFER = "/v2/models/cells/infer"


def records(rows: Any = ROWS) -> str:
    named = [{f"f{place}": value for place, value in enumerate(row)} for row in rows.tolist()]
    return json.dumps({"records": named})


def tensors(rows: Any = ROWS, **more: Any) -> str:
    tensor = {"name": "x", "datatype": "FP64", "shape": list(rows.shape), "data": rows.tolist()}
    return json.dumps({"inputs": [tensor], **more})


def infer_request(rows: Any = ROWS, *, raw: bool = True) -> Any:
    request = messages.ModelInferRequest(model_name="cells", id="7")
    tensor = request.inputs.add(name="x", datatype="FP64", shape=rows.shape)
    if raw:
        request.raw_input_contents.append(rows.astype("<f8").tobytes())
    else:
        tensor.contents.fp64_contents.extend(rows.ravel().tolist())
    return request


async def test_both_protocols_answer_with_the_model_s_own_values(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys)
    form = Form(cells / FOLDER)
    own = form.model.predict(form.program.matrix(ROWS))
    async with started(cells) as endpoint, channel(endpoint) as opened:
        named = (await ask(endpoint, "/predict", records())).document
        assert named["version"] == "v2"
        for prediction, row in zip(named["predictions"], own.tolist(), strict=True):
            assert list(prediction["probabilities"].values()) == row
        rest = (await ask(endpoint, INFER, tensors(id="7"))).document
        assert (rest["model_name"], rest["model_version"], rest["id"]) == ("cells", "v2", "7")
        label, probabilities, score = rest["outputs"]
        assert label["data"] == form.labels(own)
        assert probabilities["data"] == own.ravel().tolist()
        assert score["data"] == own[:, 1].tolist()
        for raw in (True, False):
            answer, trailing = await call(opened, "ModelInfer", infer_request(raw=raw))
            assert answer.id == "7"
            assert [each.name for each in answer.outputs] == ["label", "probabilities", "score"]
            got = (
                np.frombuffer(answer.raw_output_contents[1], "<f8")
                if raw
                else np.array(answer.outputs[1].contents.fp64_contents)
            )
            np.testing.assert_array_equal(got, own.ravel())
            assert trailing["x-dohyo-version"] == "v2"
            assert (
                answer.parameters["prediction_id"].string_param == trailing["x-dohyo-prediction-id"]
            )


async def test_an_id_tells_all_that_evidence_needs(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        one = records(ROWS[:1])
        headers = {"x_dohyo_assignment": ASSIGNMENT, "x_dohyo_entity": "anna"}
        reply = await ask(endpoint, "/predict", one, **headers)
        told = decode(reply.headers["x-dohyo-prediction-id"], MASTER.signing_key)
        assert (told.namespace, told.deployment, told.version) == ("shop", "cells", "v2")
        assert (told.trial, told.epoch, told.mode, told.shadow) == ("t1", 3, "split", False)
        assert (told.share, told.champion_share, told.rows) == (1000, 9000, 1)
        assert told.entity == MASTER.for_namespace("shop").entity_hash("anna")
        assert told.bucket == xxhash.xxh64_intdigest(b"t1/anna") % BUCKETS
        probabilities = reply.document["predictions"][0]["probabilities"]
        assert told.numbers == tuple(probabilities.values())
        # Five rows of two numbers are more than an id holds.
        many = await ask(endpoint, "/predict", records(), **headers)
        assert decode(many.headers["x-dohyo-prediction-id"], MASTER.signing_key).numbers == ()
        copied = ASSIGNMENT.replace("split", "shadow")
        metadata = (("x-dohyo-assignment", copied), ("x-dohyo-entity", "anna"))
        _, trailing = await call(opened, "ModelInfer", infer_request(), metadata=metadata)
        assert decode(trailing["x-dohyo-prediction-id"], MASTER.signing_key).shadow
        direct = await ask(endpoint, "/predict", one)
        alone = decode(direct.headers["x-dohyo-prediction-id"], MASTER.signing_key)
        assert (alone.mode, alone.share, alone.entity) == ("pinned", None, None)
        odd = await ask(endpoint, "/predict", one, x_dohyo_assignment="nonsense")
        assert odd.status == 200
        ids = {r.headers["x-dohyo-prediction-id"] for r in (reply, many, direct, odd)}
        assert len(ids) == 4
        metrics = (await ask(endpoint, "/metrics")).body.decode()
        assert (
            'dohyo_serving_malformed_assignments_total{model="cells",version="v2"} 1.0' in metrics
        )


async def test_a_rotated_key_signs_without_a_restart(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys)
    monkeypatch.setattr("dohyo_serving.identity.KEYS_SECONDS", -1.0)
    async with started(cells) as endpoint:
        before = await ask(endpoint, "/predict", records())
        rotated = Keys("k2", {**MASTER.keys, "k2": b"2" * 32}, MASTER.entity)
        write_keys(keys, rotated.for_namespace("shop"))
        after = await ask(endpoint, "/predict", records())
        for reply in (before, after):
            assert decode(reply.headers["x-dohyo-prediction-id"], rotated.signing_key)
        only_new = Keys("k2", {"k2": b"2" * 32}, MASTER.entity)
        assert decode(after.headers["x-dohyo-prediction-id"], only_new.signing_key)


async def test_without_keys_predictions_are_answered_without_an_id(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None)
    async with started(cells) as endpoint:
        reply = await ask(endpoint, "/predict", records())
        assert reply.status == 200
        assert "x-dohyo-prediction-id" not in reply.headers
        assert reply.headers["x-dohyo-version"] == "v2"
        metrics = (await ask(endpoint, "/metrics")).body.decode()
        assert 'dohyo_serving_signing{model="cells",version="v2"} 0.0' in metrics
        assert 'dohyo_serving_unsigned_answers_total{model="cells",version="v2"} 1.0' in metrics


async def test_keys_may_come_after_the_pod(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, tmp_path / "later", DOHYO_GRPC_PORT="off")
    monkeypatch.setattr("dohyo_serving.identity.KEYS_SECONDS", -1.0)
    async with started(cells) as endpoint:
        assert "x-dohyo-prediction-id" not in (await ask(endpoint, "/predict", records())).headers
        write_keys(tmp_path / "later", MASTER.for_namespace("shop"))
        assert "x-dohyo-prediction-id" in (await ask(endpoint, "/predict", records())).headers


def test_keys_sign_for_somebody(cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, keys, DOHYO_NAMESPACE="")
    with pytest.raises(ServingError, match="set DOHYO_NAMESPACE"):
        Endpoint("cells").load(cells)


async def test_mixed_columns_are_one_tensor_each(
    customers: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys)
    data = simulated.customers(40, seed=5)
    async with started(customers) as endpoint, channel(endpoint) as opened:
        expected = [
            p["probabilities"]
            for p in (
                await ask(endpoint, "/predict", json.dumps({"records": data.records}))
            ).document["predictions"]
        ]
        metadata = (await ask(endpoint, "/v2/models/cells")).document
        datatypes = {each["name"]: each["datatype"] for each in metadata["inputs"]}
        assert datatypes["age"] == "FP64"
        assert datatypes["plan"] == "BYTES"
        assert datatypes["newsletter"] == "BOOL"
        columns = {name: [r[name] for r in data.records] for name in datatypes}
        inputs = [
            {"name": name, "datatype": datatypes[name], "shape": [40, 1], "data": values}
            for name, values in columns.items()
        ]
        answer = (await ask(endpoint, INFER, json.dumps({"inputs": inputs}))).document
        got = np.array(answer["outputs"][1]["data"]).reshape(40, 2)
        np.testing.assert_array_equal(got, [list(row.values()) for row in expected])
        request = messages.ModelInferRequest(model_name="cells")
        kept = {**columns, "channel": [value or "web" for value in columns["channel"]]}
        for name, values in kept.items():
            tensor = request.inputs.add(name=name, datatype=datatypes[name], shape=[40])
            if datatypes[name] == "BYTES":
                tensor.contents.bytes_contents.extend(value.encode() for value in values)
            elif datatypes[name] == "BOOL":
                tensor.contents.bool_contents.extend(values)
            else:
                numbers = [np.nan if value is None else value for value in values]
                tensor.contents.fp64_contents.extend(numbers)
        request.outputs.add(name="score")
        typed, _ = await call(opened, "ModelInfer", request)
        assert len(typed.outputs[0].contents.fp64_contents) == 40
        plain = [row["channel"] is not None for row in data.records]
        scores = np.array(typed.outputs[0].contents.fp64_contents)[plain]
        np.testing.assert_array_equal(scores, got[plain, 1])


async def test_categories_that_are_numbers_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    contract = Contract(
        (
            Field("grade", "category", categories=(1, 2), unknown="reject"),
            Field("plan", "category", categories=("basic",)),
        )
    )
    async with started(lambda frame: frame["grade"].astype(float), contract=contract) as endpoint:
        metadata = (await ask(endpoint, "/v2/models/cells")).document
        assert [each["datatype"] for each in metadata["inputs"]] == ["INT64", "BYTES"]
        values = {"grade": [2, 1], "plan": ["basic", "other"]}
        inputs = [
            {**each, "shape": [2], "data": values[each["name"]]} for each in metadata["inputs"]
        ]
        answer = await ask(endpoint, INFER, json.dumps({"inputs": inputs}))
        assert answer.document["outputs"][0]["data"] == [2.0, 1.0]


async def test_binary_tensors_go_in_and_out(
    cells: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, keys)
    data = ROWS.astype("<f4").tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "datatype": "FP32",
                    "shape": [5, 30],
                    "parameters": {"binary_data_size": len(data)},
                }
            ],
            "parameters": {"binary_data_output": True},
            "outputs": [{"name": "label"}, {"name": "score", "parameters": {"binary_data": False}}],
        }
    ).encode()
    async with started(cells) as endpoint:
        headers = {"inference_header_content_length": str(len(head))}
        reply = await ask(endpoint, INFER, head + data, **headers)
        assert reply.status == 200
        length = int(reply.headers["inference-header-content-length"])
        document = json.loads(reply.body[:length])
        assert document["outputs"][0]["parameters"]["binary_data_size"] == len(reply.body) - length
        assert reply.body[length : length + 13] == b"\x09\x00\x00\x00malignant"
        assert len(document["outputs"][1]["data"]) == 5


REFUSALS = [
    ("/predict", "{", 400, "Invalid JSON"),
    ("/predict", "[]", 422, "must be an object with records"),
    ("/predict", '{"rows": 1}', 422, "records: must be given"),
    ("/predict", '{"records": []}', 422, "at least one record"),
    ("/predict", '{"records": [{}]}', 422, "records.0.f0: must be given"),
    ("/predict", '{"records": [1]}', 422, "must be an object of fields"),
    (INFER, "{}", 400, "a list of inputs"),
    (INFER, '{"inputs": []}', 400, "at least one tensor"),
    (INFER, '{"inputs": [{}]}', 400, "an object with a name"),
    (INFER, tensors(ROWS[:, :3]), 422, "shape [5, 3]; send [rows, 30]"),
    (INFER, tensors(outputs=[{"name": "luck"}]), 400, "no output 'luck'"),
    (INFER, tensors(ROWS.reshape(5, 5, 6)), 400, "send [rows, columns]"),
    (INFER, tensors().replace("FP64", "FP128"), 400, "datatype 'FP128' is unknown"),
    (INFER, tensors().replace("FP64", "BYTES"), 400, "does not hold texts"),
    (INFER, tensors(np.array([[300, 1]])).replace("FP64", "UINT8"), 400, "300, which is no UINT8"),
    (INFER, tensors(np.array([[2**63]])).replace("FP64", "INT64"), 400, "which is no INT64"),
    (INFER, tensors(ROWS[:1] * 1e40), 422, "from -3.4e+38 to 3.4e+38, not "),
    (INFER, tensors().replace("[5, 30]", "[5, 31]"), 400, "150 values where shape"),
    (INFER, tensors().replace("[5, 30]", "[-5, 30]"), 400, "no list of 1 to 8 sizes"),
    (INFER, tensors().replace("[5, 30]", "[99999999, 9999999]"), 400, "more than"),
    ("/v2/models/other/infer", tensors(), 404, "serves 'cells'"),
    ("/v2/models/cells/versions/v9/infer", tensors(), 404, "no version 'v9'"),
    ("/v2/models/cells/infer/more", tensors(), 404, "nothing answers at"),
    ("/v2/models/cells", tensors(), 405, "use GET"),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case[3])
async def test_a_wrong_request_is_refused_with_the_way_out(
    cells: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, int, str]
) -> None:
    path, body, status, words = case
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells) as endpoint:
        reply = await ask(endpoint, path, body)
        assert reply.status == status
        assert words in reply.document["error"]
        assert reply.headers["x-dohyo-version"] == "v2"


async def test_grpc_names_the_same_faults(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, None)
    both = infer_request(raw=True)
    both.inputs[0].contents.fp64_contents.append(1.0)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        for request, code, words in (
            (both, "INVALID_ARGUMENT", "typed contents beside raw_input_contents"),
            (messages.ModelInferRequest(model_name="other"), "NOT_FOUND", "serves 'cells'"),
            (messages.ModelInferRequest(model_name="cells"), "INVALID_ARGUMENT", "one tensor"),
            (infer_request(ROWS[:, :4]), "INVALID_ARGUMENT", "send [rows, 30]"),
            (
                infer_request(ROWS * np.nan),
                "INVALID_ARGUMENT",
                "0.f0: must be a finite number, not nan",
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(opened, "ModelInfer", request)
            assert refused.value.code().name == code
            assert words in str(refused.value.details())
            assert dict(refused.value.trailing_metadata())["x-dohyo-version"] == "v2"
        metrics = (await ask(endpoint, "/metrics")).body.decode()
        requests = re.findall(
            r'dohyo_serving_requests_total{code="(.*?)",.*"grpc".*} (.*)', metrics
        )
        assert sorted(requests) == [("INVALID_ARGUMENT", "4.0"), ("NOT_FOUND", "1.0")]


async def test_grpc_health_reflection_and_metadata(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # noqa: PLC0415

    settle(monkeypatch, None)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        health = health_pb2_grpc.HealthStub(opened)
        for name in ("", "inference.GRPCInferenceService"):
            state = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert state.status == health_pb2.HealthCheckResponse.SERVING
        reflected = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo()
        await reflected.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = {each.name for each in (await reflected.read()).list_services_response.service}
        assert "inference.GRPCInferenceService" in listed
        await reflected.done_writing()
        metadata, _ = await call(
            opened, "ModelMetadata", messages.ModelMetadataRequest(name="cells", version="v2")
        )
        assert [(each.name, list(each.shape)) for each in metadata.inputs] == [("input", [-1, 30])]
        ready, _ = await call(opened, "ModelReady", messages.ModelReadyRequest(name="cells"))
        live, trailing = await call(opened, "ServerLive", messages.ServerLiveRequest())
        assert (ready.ready, live.live) == (True, True)
        assert trailing["x-dohyo-version"] == "v2"


async def test_trace_context_is_passed_on(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with started(cells) as endpoint:
        reply = await ask(endpoint, "/predict", records(), traceparent=trace)
        assert reply.headers["traceparent"] == trace


@pytest.mark.parametrize("trace", ["none", "00-" + "a" * 400, "00-" + "A" * 32 + "-" + "b" * 16])
async def test_what_is_no_trace_context_is_not_passed_on(
    trace: str, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None)
    async with started(cells) as endpoint, channel(endpoint) as opened:
        reply = await ask(endpoint, "/predict", records(), traceparent=trace)
        metadata = (("traceparent", trace),)
        _, trailing = await call(opened, "ModelInfer", infer_request(), metadata=metadata)
    assert reply.status == 200
    assert "traceparent" not in reply.headers
    assert "traceparent" not in trailing


async def test_live_values_are_counted_in_the_bins_of_training(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells) as endpoint:
        await ask(endpoint, "/predict", records())
        await ask(endpoint, INFER, tensors())
        copied = ASSIGNMENT.replace("split", "shadow")
        await ask(endpoint, INFER, tensors(), x_dohyo_assignment=copied)
        metrics = (await ask(endpoint, "/metrics")).body.decode()
        counted = [line for line in metrics.splitlines() if "bin_total{" in line]
        of_f3 = [float(line.rsplit(" ", 1)[1]) for line in counted if 'feature="f3"' in line]
        predicted = [line for line in counted if "prediction_bin" in line]
        assert sum(of_f3) == 10
        assert sum(float(line.rsplit(" ", 1)[1]) for line in predicted) == 10
