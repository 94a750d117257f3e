"""BentoML's own service over an array, as its documentation shows it."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Cells:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["PIPELINE"])

    @bentoml.api
    async def numbers(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)
