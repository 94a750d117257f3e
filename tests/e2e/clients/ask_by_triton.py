"""Asks a ModelDeployment through the gateway by tritonclient, unmodified, over HTTP and gRPC.

Runs in an environment of its own: `python ask_by_triton.py ADDRESS NAMESPACE/NAME`, rows of
numbers on standard input; for each way the version, the prediction id and the probabilities on
standard output, both JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.http as by_http

MODEL = "breast-cancer"


def question(kind: Any, rows: Any) -> list[Any]:
    tensor = kind.InferInput("input", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows)
    return [tensor]


def main() -> None:
    address, deployment = sys.argv[1:]
    rows = np.array(json.load(sys.stdin))
    where = {"x-dohyo-deployment": deployment}
    over_http = by_http.InferenceServerClient(address)
    # Its HTTP half writes into the headers that it is given.
    answer = over_http.infer(MODEL, question(by_http, rows), headers=dict(where))
    told = answer.get_response()
    found = {
        "http": {
            "version": told["model_version"],
            "id": told["parameters"]["prediction_id"],
            "probabilities": answer.as_numpy("probabilities").tolist(),
        }
    }
    over_grpc = by_grpc.InferenceServerClient(address)
    answer = over_grpc.infer(MODEL, question(by_grpc, rows), headers=where)
    told = answer.get_response()
    found["grpc"] = {
        "version": told.model_version,
        "id": told.parameters["prediction_id"].string_param,
        "probabilities": answer.as_numpy("probabilities").tolist(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
