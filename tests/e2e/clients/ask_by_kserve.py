"""Asks a ModelDeployment through the gateway by KServe's clients, as `ask_by_triton.py` does."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "breast-cancer"


def question(rows: Any) -> InferRequest:
    tensor = InferInput("input", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, binary_data=True)
    return InferRequest(model_name=MODEL, infer_inputs=[tensor])


def told(answer: Any) -> dict[str, Any]:
    output = next(each for each in answer.outputs if each.name == "probabilities")
    given = answer.parameters["prediction_id"]
    return {
        "version": answer.model_version,
        "id": getattr(given, "string_param", given),
        "probabilities": output.as_numpy().reshape(output.shape).tolist(),
    }


async def ask(address: str, deployment: str, rows: Any) -> dict[str, Any]:
    name = "x-dohyo-deployment"
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    received: dict[str, str] = {}
    by_rest = await rest.infer(
        f"http://{address}",
        question(rows),
        headers={name: deployment},
        response_headers=received,
        model_name=MODEL,
    )
    client = InferenceGRPCClient(address)
    by_grpc = await client.infer(question(rows), headers=((name, deployment),))
    await rest.close()
    await client.close()
    # Its REST half does not keep the answer's model_version.
    return {
        "rest": {**told(by_rest), "version": received["x-dohyo-version"]},
        "grpc": told(by_grpc),
    }


if __name__ == "__main__":
    given = np.array(json.load(sys.stdin))
    print(json.dumps(asyncio.run(ask(sys.argv[1], sys.argv[2], given))))
