"""What a served bento answers: the model's own values, clear refusals, probes and metrics."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.bentos import Served

pytestmark = pytest.mark.timeout(180)
ROWS = model.rows()[:100]


@pytest.fixture(scope="module", params=[model.LOGISTIC, model.BOOSTING])
def bento(request: pytest.FixtureRequest) -> str:
    samples.ensure()
    return str(request.param)


@pytest.fixture(scope="module")
def served(bento: str) -> Iterator[Served]:
    with bentos.served(bento, home=BENTOML_HOME) as served:
        yield served


def changed(**values: Any) -> str:
    """The body of a question about one row, with some values other than they should be."""
    record = json.loads(model.question(ROWS[:1]).body)["records"][0]
    record.update(values)
    return json.dumps({"records": [{k: v for k, v in record.items() if v != "left out"}]})


def test_predictions_are_the_models_own(served: Served, bento: str) -> None:
    question = model.question(ROWS)
    status, answer = served.post(question.path, question.body)
    assert status == 200
    assert answer["version"] == bento.partition(":")[2]
    own = model.own_probabilities(bento, ROWS)
    # The serving form's tolerance is 1e-9; sums of some rows together differ in the last bits.
    got = [each["probabilities"] for each in answer["predictions"]]
    assert got == [pytest.approx(row, abs=1e-12, rel=0) for row in own]
    assert [each["label"] for each in answer["predictions"]] == [
        max(row, key=row.__getitem__) for row in own
    ]


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        (changed(mean_radius="left out"), ["mean_radius"], "must be given"),
        (changed(radius_mean=1.0), ["radius_mean"], "is no field; known are mean_radius"),
        (changed(mean_radius="17.99"), ["mean_radius"], "must be a number"),
        (changed(mean_radius=None), ["mean_radius"], "must be a number"),
        (changed(mean_radius=float("inf")).replace("Infinity", "1e999"), [], "Invalid JSON"),
        ('{"records": []}', [], "at least one record"),
        ('{"rows": []}', ["records"], "must be given"),
        ('{"records": [', [], "Invalid JSON"),
    ],
    ids=["missing", "unknown", "text", "null", "infinite", "no record", "other key", "no JSON"],
)
def test_a_wrong_request_is_refused_with_the_place(
    served: Served, body: str, place: list[str], words: str
) -> None:
    status, answer = served.post("/predict", body)
    assert status == (400 if "JSON" in words else 422)
    assert any(
        words in each["msg"] and each["loc"][-len(place) or len(each["loc"]) :] == place
        for each in answer["detail"]
    ), answer


def test_a_request_in_the_wrong_way_is_refused(served: Served) -> None:
    assert served.get("/predict")[0] == 405
    assert served.get("/unknown")[0] == 404


def test_probes_and_metrics_answer(served: Served, bento: str) -> None:
    assert served.get("/livez")[0] == 200
    assert served.get("/readyz")[0] == 200
    question = model.question(ROWS[:1])
    assert served.post(question.path, question.body)[0] == 200
    status, text = served.get("/metrics")
    assert status == 200
    counted = re.search(
        r'dohyo_serving_requests_total\{code="200",model="breast-cancer",protocol="http",'
        rf'version="{bento.partition(":")[2]}"\}} (\S+)',
        text,
    )
    assert counted
    assert float(counted[1]) >= 1
    assert "bentoml_service_request_total" in text
    assert "process_resident_memory_bytes" in text


def test_a_folder_is_served_like_a_tag(tmp_path: Path) -> None:
    samples.ensure()
    folder = tmp_path / "bento"
    samples.unpack("v1-logistic", folder)
    home = tmp_path / "home"
    home.mkdir()
    assert answers_as_its_model(str(folder), home)


def test_an_imported_bento_is_served_like_the_exported_one(tmp_path: Path) -> None:
    samples.ensure()
    archive, home = tmp_path / "v1.bento", tmp_path / "home"
    samples.export(model.LOGISTIC, archive)
    imported = subprocess.run(
        [sys.executable, "-m", "bentoml", "import", str(archive)],
        env=bentos.surroundings(home),
        check=True,
        capture_output=True,
        text=True,
    )
    assert model.LOGISTIC in imported.stdout + imported.stderr
    archive.unlink()
    assert answers_as_its_model(model.LOGISTIC, home)


def answers_as_its_model(bento: str, home: Path) -> bool:
    """Whether what is served answers what the logistic sample says in Python."""
    with bentos.served(bento, home=home) as served:
        question = model.question(ROWS)
        status, answer = served.post(question.path, question.body)
    own = model.own_probabilities(model.LOGISTIC, ROWS)
    got = [each["probabilities"] for each in answer["predictions"]]
    return status == 200 and got == [pytest.approx(row, abs=1e-12, rel=0) for row in own]


def test_unknown_paths_make_no_series(served: Served) -> None:
    for number in range(30):
        assert served.get(f"/unknown/{number}")[0] == 404
        assert served.get(f"/static_content/{number}")[0] == 404
    text = served.get("/metrics")[1]
    assert "/unknown/" not in text
    assert not re.search(r"/static_content/\d", text)


def test_bentoml_serves_it_as_well(tmp_path: Path, bento: str) -> None:
    """`bentoml serve`, as BentoML documents it: the same answers on both protocols' HTTP."""
    port, grpc_port = ports.free_port(), ports.free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "bentoml", "serve", bento),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        cwd=tmp_path,
        env={**bentos.surroundings(BENTOML_HOME), "DOHYO_GRPC_PORT": str(grpc_port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    served = bentos.Served(port, process)
    try:
        until("it is ready", lambda: bentos.state(served), ("200").__eq__, seconds=90)
        question = model.question(ROWS[:3])
        status, answer = served.post(question.path, question.body)
        assert status == 200
        assert served.post(question.path, "{")[0] == 400
        assert json.loads(served.get("/v2/health/ready")[1])["ready"]
        socket.create_connection(("127.0.0.1", grpc_port), timeout=5).close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    own = model.own_probabilities(bento, ROWS[:3])
    got = [each["probabilities"] for each in answer["predictions"]]
    assert got == [pytest.approx(row, abs=1e-12, rel=0) for row in own]


def test_no_bento_carries_an_address_or_a_credential(tmp_path: Path) -> None:
    samples.ensure()
    for version in samples.VERSIONS:
        folder = tmp_path / version
        samples.unpack(version, folder)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            text = file.read_bytes().decode("latin-1")
            place = file.relative_to(folder)
            assert not re.search(r"(--|^\s*)(extra-)?(index-url|find-links)\b", text), place
            assert not re.search(r"://[^/\s]*@", text), place
            assert not re.search(r"://[^\s\"']*/simple\b", text), place


ENDLESS = {
    "path": (b"GET /", b"a" * 10_000),
    "header": (b"GET /v2 HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * 10_000),
    "headers": (b"GET /v2 HTTP/1.1\r\nHost: x\r\n", b"X-Many: a\r\n" * 1000),
    "trailers": (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        b"X-Many: a\r\n" * 1000,
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_refused_before_it_fills_the_memory(served: Served, what: str) -> None:
    begin, more = ENDLESS[what]
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        connection.sendall(begin + more * 500)
    assert served.get("/v2/health/live")[0] == 200


def test_a_long_head_is_told_so(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 6000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 431 ")


def test_large_bodies_one_after_the_other_have_no_long_heads(served: Served) -> None:
    question = model.question(ROWS * 10)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    for _ in range(3):
        connection.request("POST", question.path, question.body)
        answer = connection.getresponse()
        assert len(json.loads(answer.read())["predictions"]) == len(ROWS) * 10
    connection.close()


@pytest.mark.parametrize(
    "begin", [b"", b"GET /v2 HTTP/1.1\r\nHost"], ids=["nothing", "half a head"]
)
def test_a_connection_without_a_request_is_closed(bento: str, begin: bytes) -> None:
    with (
        bentos.served(bento, "--keep-alive", "1", home=BENTOML_HOME) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection,
    ):
        connection.sendall(begin)
        assert connection.recv(1000) == b""
