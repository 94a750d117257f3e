"""The sample model, asked directly in Python: what the gateway's answers must be equal to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import joblib
from sklearn.datasets import load_breast_cancer

from cluster import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL_FOLDER = paths.BUILD / "bentoml" / "models" / "breast-cancer"
BENTO = "breast-cancer"
# Bentos of the two versions, and the model in the store that each carries.
LOGISTIC = f"{BENTO}:v1-logistic"
BOOSTING = f"{BENTO}:v2-boosting"
STORED = {LOGISTIC: "logistic", BOOSTING: "boosting"}


@dataclass(frozen=True)
class Question:
    """A POST of JSON that the model answers."""

    path: str
    body: str


@cache
def rows() -> tuple[tuple[float, ...], ...]:
    """The tumours of the data set, 30 measurements each."""
    return tuple(map(tuple, load_breast_cancer().data.tolist()))


def question(asked: Sequence[Sequence[float]]) -> Question:
    """The request that asks for predictions of these rows."""
    names = [_field(str(name)) for name in load_breast_cancer().feature_names]
    records = [dict(zip(names, row, strict=True)) for row in asked]
    return Question("/predict", json.dumps({"records": records}))


def own_probabilities(bento: str, asked: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """What the stored model of the bento says, by class."""
    estimator: Any = _stored(STORED[bento])
    classes = [str(name) for name in estimator.classes_]
    return [dict(zip(classes, row, strict=True)) for row in estimator.predict_proba(asked).tolist()]


@cache
def _stored(model: str) -> Any:
    return joblib.load(MODEL_FOLDER / model / "saved_model.pkl")


def _field(name: str) -> str:
    return name.replace(" ", "_")
