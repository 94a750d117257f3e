"""Asks a served sample by KServe's clients, unmodified, over REST and gRPC.

Runs in an environment of its own, as `ask_by_triton.py` does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "breast-cancer"


def question(rows: Any, *, binary: bool) -> InferRequest:
    tensor = InferInput("input", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[tensor])


def probabilities(answer: Any) -> Any:
    output = next(each for each in answer.outputs if each.name == "probabilities")
    return output.as_numpy().reshape(output.shape).tolist()


async def ask(http_port: int, grpc_port: int, rows: Any) -> dict[str, Any]:
    found = {}
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://127.0.0.1:{http_port}"
    assert await rest.is_server_ready(base)
    assert await rest.is_model_ready(base, MODEL)
    for binary in (True, False):
        answer = await rest.infer(base, question(rows, binary=binary), model_name=MODEL)
        found[f"rest binary={binary}"] = probabilities(answer)
    client = InferenceGRPCClient(f"127.0.0.1:{grpc_port}")
    assert await client.is_server_ready()
    assert await client.is_model_ready(MODEL)
    for binary in (True, False):
        answer = await client.infer(question(rows, binary=binary))
        found[f"grpc raw={binary}"] = probabilities(answer)
    await rest.close()
    await client.close()
    return found


if __name__ == "__main__":
    given = np.array(json.load(sys.stdin))
    print(json.dumps(asyncio.run(ask(int(sys.argv[1]), int(sys.argv[2]), given))))
