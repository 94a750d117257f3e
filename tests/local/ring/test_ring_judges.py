"""A whole bout on one machine: real models, real labels, a verdict; gRPC on the same port."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from dohyo.contract import HEADER_DEPLOYMENT, HEADER_VERSION
from dohyo_serving.oip import open_inference_pb2 as messages
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import calls, model
from tests.harness.until import until
from tests.local.ring.house import HOST, NAME, House

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(300)
CALLS_PER_SECOND = 50


@pytest.fixture
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ring of the sample bento alone."""
    samples.ensure()
    house = House(tmp_path_factory.mktemp("r"), BENTOML_HOME)
    try:
        yield house
    finally:
        house.end()


def told_by_the_demo(*arguments: str) -> tuple[dict[str, Any], str]:
    """What it says for programs, and what it says meanwhile."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--output", "json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stderr)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told, done.stderr


def test_a_challenger_that_is_worse_is_rolled_back() -> None:
    """That a better one is promoted is shown by the README's first command (test_pages)."""
    told, said = told_by_the_demo("--truth", "worse")
    assert told["bout"]["outcome"] == "GateFailed", said
    message = told["bout"]["evidence"]["verdict"]["message"]
    assert message.startswith("quality: ")
    assert any(character.isdigit() for character in message)
    scores = {score["version"]: score for score in told["versions"]}
    assert [score["errors"] for score in scores.values()] == [0, 0]
    assert (scores["v1"]["role"], scores["v1"]["weight"]) == ("champion", 100)
    assert scores["v2"]["right"] < scores["v1"]["right"]


@pytest.mark.timeout(900)
def test_customers_make_the_trained_challenger_their_champion() -> None:
    """The example of satisfaction as it stands: trained, served, and judged pair by pair."""
    told, said = told_by_the_demo("--story", "satisfaction")
    assert told["heldOut"]["searched"]["log_loss"] < told["heldOut"]["linear"]["log_loss"]
    assert told["bout"]["outcome"] == "Promoted", said
    assert told["bout"]["evidence"]["verdict"]["message"].endswith("superior"), said
    scores = {score["version"]: score for score in told["versions"]}
    assert [score["errors"] for score in scores.values()] == [0, 0]
    assert (scores["searched"]["role"], scores["searched"]["weight"]) == ("champion", 100)


def test_grpc_comes_in_by_the_same_port(sampled: House) -> None:
    sampled.write({"champion": {"name": "v1", "bento": model.LOGISTIC}})
    sampled.up()
    with grpc.insecure_channel(f"127.0.0.1:{sampled.port}") as channel:
        ask = channel.unary_unary(
            "/inference.GRPCInferenceService/ServerReady",
            request_serializer=messages.ServerReadyRequest.SerializeToString,
            response_deserializer=messages.ServerReadyResponse.FromString,
        )
        metadata = ((HEADER_DEPLOYMENT, f"default/{NAME}"),)
        request = messages.ServerReadyRequest()
        answer, call = ask.with_call(request, metadata=metadata, timeout=20)
    assert answer.ready
    assert dict(call.initial_metadata())[HEADER_VERSION] == "v1"


def test_calls_by_grpc_survive_a_version_swap_and_fewer_replicas(sampled: House) -> None:
    two_each = {"minReplicas": 2}
    sampled.write({"champion": {"name": "v1", "bento": model.LOGISTIC}, "scaling": two_each})
    sampled.up()
    with calls.under(HOST, CALLS_PER_SECOND, f"127.0.0.1:{sampled.port}") as made:
        for version, bento, least in (
            ("v2", model.BOOSTING, 2),
            ("v2", model.BOOSTING, 1),
            ("v1", model.LOGISTIC, 1),
        ):
            spec = {"champion": {"name": version, "bento": bento}}
            sampled.write({**spec, "scaling": {"minReplicas": least}})
            sampled.until_shares(**{version: 100})
            sampled.until_ready()
            until("as many replicas", lambda: len(sampled.processes()), least.__eq__, seconds=90)
            enough = made.answered + 200
            until("calls after the change", lambda: made.answered, enough.__lt__, seconds=30)
    assert made.failed == [], made.failed[:3]
