"""FastAPI as its documentation shows it: pydantic in, pydantic out.

`python fastapi_app.py PIPELINE PORT`, paths as in starlette_app.py.
"""

import sys
from typing import Any

import joblib
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(sys.argv[1])
app = FastAPI()


class Numbers(BaseModel):
    rows: list[list[float]]


class Records(BaseModel):
    records: list[dict[str, Any]]


class Answer(BaseModel):
    probabilities: list[list[float]]


@app.post("/numbers")
async def numbers(asked: Numbers) -> Answer:
    return Answer(probabilities=model.predict_proba(np.asarray(asked.rows)).tolist())


@app.post("/records")
async def records(asked: Records) -> Answer:
    import pandas as pd

    return Answer(probabilities=model.predict_proba(pd.DataFrame(asked.records)).tolist())


@app.get("/ready")
async def ready() -> str:
    return "ok"


uvicorn.run(
    app, port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="error"
)
