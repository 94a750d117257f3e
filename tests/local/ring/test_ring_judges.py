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
from tests.harness import model
from tests.local.ring.house import NAME, House

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ring of the sample bento alone."""
    samples.ensure()
    house = House(tmp_path_factory.mktemp("r"), BENTOML_HOME)
    try:
        yield house
    finally:
        house.end()


def test_a_challenger_that_is_worse_is_rolled_back() -> None:
    """That a better one is promoted is shown by the README's first command (test_pages)."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--truth", "worse", "--output", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stderr)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["bout"]["outcome"] == "GateFailed", done.stderr
    message = told["bout"]["evidence"]["verdict"]["message"]
    assert message.startswith("quality: ")
    assert any(character.isdigit() for character in message)
    scores = {score["version"]: score for score in told["versions"]}
    assert [score["errors"] for score in scores.values()] == [0, 0]
    assert (scores["v1"]["role"], scores["v1"]["weight"]) == ("champion", 100)
    assert scores["v2"]["right"] < scores["v1"]["right"]


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
