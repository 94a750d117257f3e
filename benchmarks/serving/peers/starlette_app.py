"""Bare Starlette that calls the pipeline: what nothing but a framework costs.

`python starlette_app.py PIPELINE PORT`: POST /numbers takes {"rows": [[…]]}, POST /records takes
{"records": [{…}]}.
"""

import sys

import joblib
import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

model = joblib.load(sys.argv[1])


async def numbers(request):
    rows = np.asarray(orjson.loads(await request.body())["rows"], dtype=np.float64)
    answer = {"probabilities": model.predict_proba(rows).tolist()}
    return Response(orjson.dumps(answer), media_type="application/json")


async def records(request):
    import pandas as pd

    frame = pd.DataFrame(orjson.loads(await request.body())["records"])
    answer = {"probabilities": model.predict_proba(frame).tolist()}
    return Response(orjson.dumps(answer), media_type="application/json")


async def ready(_request):
    return Response("ok")


app = Starlette(
    routes=[
        Route("/numbers", numbers, methods=["POST"]),
        Route("/records", records, methods=["POST"]),
        Route("/ready", ready),
    ]
)
uvicorn.run(
    app, port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="error"
)
