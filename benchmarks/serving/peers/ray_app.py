"""Ray Serve with one replica of a pipeline.

`python ray_app.py PIPELINE PORT`, POST /numbers as in starlette_app.py.
"""

import sys
import time

import joblib
import numpy as np
from ray import serve


@serve.deployment(num_replicas=1, max_ongoing_requests=200)
class Cells:
    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    async def __call__(self, request):
        rows = np.asarray((await request.json())["rows"], dtype=np.float64)
        return {"probabilities": self.model.predict_proba(rows).tolist()}


serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
serve.run(Cells.bind(sys.argv[1]), route_prefix="/numbers")
while True:
    time.sleep(3600)
