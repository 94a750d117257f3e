"""KServe's Python server with a model of one pipeline, REST and gRPC of the v2 protocol.

`python kserve_app.py PIPELINE HTTP_PORT GRPC_PORT`.
"""

import logging
import sys

import joblib
from kserve import InferOutput, InferResponse, Model, ModelServer


class Cells(Model):
    def __init__(self) -> None:
        super().__init__("cells")
        self.pipeline = joblib.load(sys.argv[1])
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        probabilities = self.pipeline.predict_proba(payload.inputs[0].as_numpy()).astype("float64")
        output = InferOutput("probabilities", list(probabilities.shape), "FP64")
        output.set_data_from_numpy(probabilities, binary_data=False)
        return InferResponse(payload.id or "", "cells", [output])


server = ModelServer(
    http_port=int(sys.argv[2]), grpc_port=int(sys.argv[3]), workers=1, access_log_format=None
)
# No server here writes a line for each request.
for name in ("uvicorn.access", "kserve.trace"):
    logging.getLogger(name).disabled = True
server.start([Cells()])
