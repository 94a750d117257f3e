"""What a served bento does with what its surroundings give or spoil: traces, keys, no form."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from dohyo.contract.keys import Keys
from dohyo.contract.prediction_id import decode
from dohyo_serving.oip import open_inference_pb2 as messages
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports
from tests.harness.until import until
from tests.unit.serving.serving_in_process import MASTER, write_keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.bentos import Served

pytestmark = pytest.mark.timeout(180)
QUESTION = model.question(model.rows()[:1])
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
ID = "x-dohyo-prediction-id"
WHO = {"DOHYO_NAMESPACE": "shop", "DOHYO_DEPLOYMENT": "cells", "DOHYO_VERSION": "v2"}


def asked(served: Served, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of a prediction; underscores in names stand for dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", QUESTION.path, QUESTION.body, named)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def asked_by_grpc(port: int) -> dict[str, Any]:
    """Trailing metadata of a prediction under PARENT."""
    values = model.rows()[0]
    request = messages.ModelInferRequest(model_name="breast-cancer")
    tensor = request.inputs.add(name="input", datatype="FP64", shape=[1, len(values)])
    tensor.contents.fp64_contents.extend(values)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        infer = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=messages.ModelInferRequest.SerializeToString,
            response_deserializer=messages.ModelInferResponse.FromString,
        )
        _, call = infer.with_call(request, timeout=30, metadata=(("traceparent", PARENT),))
        return dict(call.trailing_metadata())


def ended(served: Served) -> str:
    """All that it said, after SIGTERM."""
    served.process.terminate()
    said = served.process.communicate(timeout=60)[0]
    assert served.process.returncode == 0, said
    return said


def spans_in(said: str) -> list[dict[str, Any]]:
    """What the SDK's console exporter printed between lines of the log."""
    found, place, decoder = [], 0, json.JSONDecoder()
    while (place := said.find("{\n", place)) >= 0:
        document, place = decoder.raw_decode(said, place)
        found.append(document)
    return found


def test_spans_continue_the_clients_trace_and_name_routes_only() -> None:
    samples.ensure()
    port = ports.free_port()
    console = {"OTEL_TRACES_EXPORTER": "console", "OTEL_RESOURCE_ATTRIBUTES": "team=shop"}
    options = ("--grpc-port", str(port))
    with bentos.served(model.LOGISTIC, *options, home=BENTOML_HOME, environment=console) as served:
        _, headers = asked(served, traceparent=PARENT)
        _, alone = asked(served)
        assert served.post("/predict", "{")[0] == 400
        assert served.post("/v2/models/secret/infer", "{}")[0] == 404
        trailing = asked_by_grpc(port)
        spans = spans_in(ended(served))
    by_id = {span["context"]["span_id"]: span for span in spans}
    assert len(by_id) == 5
    for told in (headers["traceparent"], trailing["traceparent"]):
        _, trace, span_id, flags = told.split("-")
        assert (trace, flags) == (TRACE, "01")
        span = by_id[f"0x{span_id}"]
        assert span["context"]["trace_id"] == f"0x{TRACE}"
        assert span["parent_id"] == "0xb7ad6b7169203331"
        assert span["kind"] == "SpanKind.SERVER"
    assert TRACE not in alone["traceparent"]
    assert by_id[f"0x{alone['traceparent'].split('-')[2]}"]["parent_id"] is None
    names = sorted(span["name"] for span in spans)
    assert names == sorted(
        [
            *(["POST /predict"] * 3),
            "POST /v2/models/{model}/infer",
            "inference.GRPCInferenceService/ModelInfer",
        ]
    )
    statuses = sorted(
        span["attributes"]["http.response.status_code"]
        for span in spans
        if "http.route" in span["attributes"]
    )
    assert statuses == [200, 200, 400, 404]
    # A client's mistake is no error of the server.
    assert {span["status"]["status_code"] for span in spans} == {"UNSET"}
    resource = spans[0]["resource"]["attributes"]
    assert (resource["service.name"], resource["team"]) == ("breast-cancer", "shop")
    assert "secret" not in json.dumps(spans)


def test_a_collector_that_is_away_costs_no_prediction_and_no_clean_end() -> None:
    samples.ensure()
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports.free_port()}"}
    with bentos.served(model.LOGISTIC, home=BENTOML_HOME, environment=away) as served:
        status, headers = asked(served, traceparent=PARENT)
        assert status == 200
        assert TRACE in headers["traceparent"]
        assert headers["traceparent"] != PARENT
        ended(served)


def test_an_unknown_exporter_is_told_in_one_line() -> None:
    samples.ensure()
    process = bentos.launch(
        *(model.LOGISTIC, "--port", "0"),
        home=BENTOML_HOME,
        environment={"OTEL_TRACES_EXPORTER": "carrier-pigeon"},
    )
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "no exporter 'carrier-pigeon' here; choose one of none, console, otlp" in said


def signing(served: Served) -> str:
    found = re.search(r"dohyo_serving_signing\{[^}]*\} (\S+)", served.get("/metrics")[1])
    assert found
    return found[1]


def test_a_broken_folder_of_keys_costs_ids_and_no_prediction(tmp_path: Path) -> None:
    samples.ensure()
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "current").write_text("k1")
    (keys / "k1").write_bytes(b"\xff no key")
    environment = {**WHO, "DOHYO_KEYS": str(keys)}
    with bentos.served(model.LOGISTIC, home=BENTOML_HOME, environment=environment) as served:
        status, headers = asked(served)
        assert status == 200
        assert ID not in headers
        assert headers["x-dohyo-version"] == "v2"
        assert signing(served) == "0.0"
        # Mended, it signs; broken once more, the keys that were read stay good.
        shutil.rmtree(keys)
        write_keys(keys, MASTER.for_namespace("shop"))
        signed = until("it signs", lambda: asked(served)[1].get(ID), seconds=30)
        assert signed is not None
        assert decode(signed, MASTER.signing_key).version == "v2"
        assert signing(served) == "1.0"
        (keys / "k1").write_text("nonsense")
        os.utime(keys)
        (keys / "other").write_text("")
        for _ in range(3):
            assert ID in asked(served)[1]
        said = ended(served)
    assert f"answers get no prediction id: keys in {keys} cannot be read" in said


def published(volume: Path, keys: Keys, number: int) -> None:
    """Keys as a kubelet mounts a Secret: links to links to a folder that is exchanged whole."""
    folder = volume / f"..2026_{number}"
    write_keys(folder, keys.for_namespace("shop"))
    link = volume / "..data_tmp"
    link.symlink_to(folder.name)
    link.rename(volume / "..data")
    for file in folder.iterdir():
        if not (volume / file.name).is_symlink():
            (volume / file.name).symlink_to(f"..data/{file.name}")


def signed_by(keys: Keys, told: str) -> bool:
    try:
        decode(told, keys.signing_key)
    except ValueError:
        return False
    return True


def test_a_rotated_secret_signs_within_seconds_and_costs_no_answer(tmp_path: Path) -> None:
    samples.ensure()
    volume = tmp_path / "keys"
    volume.mkdir()
    published(volume, MASTER, 1)
    new = {"k2": b"2" * 32}
    environment = {**WHO, "DOHYO_KEYS": str(volume)}
    with bentos.served(model.LOGISTIC, home=BENTOML_HOME, environment=environment) as served:
        assert signed_by(MASTER, asked(served)[1][ID])
        published(volume, Keys("k2", {**MASTER.keys, **new}, MASTER.entity), 2)
        only_new = Keys("k2", new, MASTER.entity)

        def told() -> bool:
            status, headers = asked(served)
            assert status == 200
            return signed_by(only_new, headers[ID])

        until("the new key signs", told, seconds=10)
        ended(served)


def test_a_model_that_was_refused_a_form_is_served_by_its_pipeline(tmp_path: Path) -> None:
    samples.ensure()
    folder = tmp_path / "bento"
    samples.unpack("v1-logistic", folder)
    (form,) = folder.glob("models/**/serving-form")
    shutil.rmtree(form)
    rows = model.rows()[:5]
    values = [value for row in rows for value in row]
    tensor = {"name": "input", "datatype": "FP64", "shape": [5, len(rows[0])]}
    body = json.dumps({"inputs": [{**tensor, "data": values}]})
    with bentos.served(str(folder), home=tmp_path) as served:
        metadata = json.loads(served.get("/v2/models/breast-cancer")[1])
        status, answer = served.post("/v2/models/breast-cancer/infer", body)
    assert metadata["platform"] == "sklearn"
    assert status == 200, answer
    (output,) = (each for each in answer["outputs"] if each["name"] == "probabilities")
    own = model.own_probabilities(model.LOGISTIC, rows)
    expected = [value for row in own for value in row.values()]
    assert output["data"] == pytest.approx(expected, abs=1e-12, rel=0)
