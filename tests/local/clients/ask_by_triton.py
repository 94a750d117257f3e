"""Asks a served sample by tritonclient, unmodified, in every way that it knows.

Runs in an environment of its own: `python ask_by_triton.py HTTP_PORT GRPC_PORT`, rows of numbers
on standard input, probabilities by way on standard output, both JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.grpc.aio as by_grpc_async
import tritonclient.http as by_http
import tritonclient.http.aio as by_http_async
from tritonclient.utils import InferenceServerException

MODEL, VERSION = "breast-cancer", "v1-logistic"


def question(kind: Any, rows: Any, **how: Any) -> list[Any]:
    tensor = kind.InferInput("input", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, **how)
    return [tensor]


def over_http(port: int, rows: Any) -> dict[str, Any]:
    client = by_http.InferenceServerClient(f"127.0.0.1:{port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL, VERSION)
    metadata = client.get_model_metadata(MODEL)
    assert metadata["versions"] == [VERSION]
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    found = {}
    for binary in (True, False):
        answer = client.infer(
            MODEL,
            question(by_http, rows, binary_data=binary),
            outputs=[
                by_http.InferRequestedOutput(name, binary_data=binary)
                for name in ("label", "probabilities", "score")
            ],
            request_id="17",
            model_version=VERSION,
            headers={"x-dohyo-entity": "anna"},
        )
        assert answer.get_response()["id"] == "17"
        probabilities = answer.as_numpy("probabilities")
        labels = [v.decode() if isinstance(v, bytes) else v for v in answer.as_numpy("label")]
        assert labels == [("benign", "malignant")[row.argmax()] for row in probabilities]
        assert answer.as_numpy("score").tolist() == probabilities[:, 1].tolist()
        found[f"http binary={binary}"] = probabilities.tolist()
    for algorithm in ("gzip", "deflate"):
        answer = client.infer(
            MODEL,
            question(by_http, rows),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        found[f"http {algorithm}"] = answer.as_numpy("probabilities").tolist()
    _expect_refusal(lambda: client.infer("nobody", question(by_http, rows)), "404")
    _expect_refusal(lambda: client.infer(MODEL, question(by_http, rows[:, :3])), "422")
    return found


async def over_http_async(port: int, rows: Any) -> dict[str, Any]:
    async with by_http_async.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert await client.is_server_ready()
        answer = await client.infer(MODEL, question(by_http_async, rows))
        return {"http async": answer.as_numpy("probabilities").tolist()}


def over_grpc(port: int, rows: Any) -> dict[str, Any]:
    client = by_grpc.InferenceServerClient(f"127.0.0.1:{port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL, VERSION)
    assert client.get_model_metadata(MODEL).inputs[0].shape == [-1, 30]
    answer = client.infer(MODEL, question(by_grpc, rows), request_id="18", client_timeout=10)
    assert answer.get_response().id == "18"
    _expect_refusal(lambda: client.infer("nobody", question(by_grpc, rows)), "NOT_FOUND")
    packed = client.infer(MODEL, question(by_grpc, rows), compression_algorithm="gzip")
    return {
        "grpc": answer.as_numpy("probabilities").tolist(),
        "grpc gzip": packed.as_numpy("probabilities").tolist(),
    }


async def over_grpc_async(port: int, rows: Any) -> dict[str, Any]:
    async with by_grpc_async.InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer = await client.infer(MODEL, question(by_grpc_async, rows))
        return {"grpc async": answer.as_numpy("probabilities").tolist()}


def _expect_refusal(ask: Any, status: str) -> None:
    try:
        ask()
    except InferenceServerException as error:
        told = str(error.status())
    else:
        told = "an answer"
    assert status in told, told


def main() -> None:
    http_port, grpc_port = int(sys.argv[1]), int(sys.argv[2])
    rows = np.array(json.load(sys.stdin))
    found = over_http(http_port, rows) | over_grpc(grpc_port, rows)
    found |= asyncio.run(over_http_async(http_port, rows))
    found |= asyncio.run(over_grpc_async(grpc_port, rows))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
