"""Customers with mixed columns, and pipelines fitted on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from xgboost import XGBClassifier

from dohyo_form.contract import Contract, Field

NUMBERS = ("age", "tenure", "price", "visits", "response_hours", "spent", "discount")
CATEGORIES = {
    "plan": ("basic", "pro", "team"),
    "country": ("de", "fr", "jp", "us", "xx"),
    "channel": ("web", "shop", "phone"),
    "device": ("ios", "android", "desktop"),
}
CONTRACT = Contract(
    (
        *(Field(name, "number", nullable=name in ("age", "spent")) for name in NUMBERS),
        *(
            Field(name, "category", nullable=name == "channel", categories=values)
            for name, values in CATEGORIES.items()
        ),
        Field("newsletter", "boolean"),
    )
)


@dataclass(frozen=True)
class Customers:
    records: list[dict[str, Any]]
    frame: pd.DataFrame
    label: np.ndarray[Any, np.dtype[np.int64]]


def customers(rows: int = 1500, seed: int = 3) -> Customers:
    chance = np.random.default_rng(seed)
    data: dict[str, Any] = {name: chance.normal(50, 20, rows).round(2) for name in NUMBERS}
    for name, values in CATEGORIES.items():
        shares = np.linspace(2, 0.1, len(values))
        data[name] = chance.choice(values, rows, p=shares / shares.sum()).astype(object)
    data["newsletter"] = chance.integers(0, 2, rows).astype(bool)
    frame = pd.DataFrame(data)
    score = (frame["age"] - 50) / 20 + (frame["plan"] == "pro") - frame["newsletter"]
    label = (score + chance.normal(0, 1, rows) > 0).astype(np.int64).to_numpy()
    frame.loc[chance.random(rows) < 0.1, "age"] = np.nan
    frame.loc[chance.random(rows) < 0.1, "spent"] = np.nan
    frame.loc[chance.random(rows) < 0.1, "channel"] = None
    frame["channel"] = frame["channel"].astype(object).where(frame["channel"].notna(), None)
    nulls = frame.astype(object).where(frame.notna(), None)
    records = [
        {key: value.item() if hasattr(value, "item") else value for key, value in row.items()}
        for row in nulls.to_dict("records")
    ]
    return Customers(records, frame.astype({"newsletter": float}), label)


def preprocessing(kind: str) -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    plain = SimpleImputer(strategy="mean")
    names, texts = list(NUMBERS), list(CATEGORIES)
    filled = SimpleImputer(strategy="constant", fill_value="none", missing_values=None)
    encoders: dict[str, Any] = {
        "one-hot": make_pipeline(filled, OneHotEncoder(handle_unknown="ignore")),
        "infrequent": OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=120, drop="first"
        ),
        "ordinal": OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
        ),
        "target": make_pipeline(filled, TargetEncoder(random_state=0)),
        "scaled": make_pipeline(
            filled, OneHotEncoder(handle_unknown="ignore", sparse_output=False), StandardScaler()
        ),
    }
    scaled = kind in ("one-hot", "scaled")
    return ColumnTransformer(
        [("numbers", numbers if scaled else plain, names), ("texts", encoders[kind], texts)],
        remainder="passthrough",
    )


ESTIMATORS: dict[str, Any] = {
    "logistic": lambda: LogisticRegression(max_iter=500),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=30, early_stopping=False),
    "xgboost": lambda: XGBClassifier(n_estimators=30, max_depth=4, n_jobs=1, random_state=0),
    "regression": LinearRegression,
    "histogram-regression": lambda: HistGradientBoostingRegressor(max_iter=20),
}


def fitted(encoder: str, estimator: str, data: Customers) -> Any:
    pipeline = make_pipeline(preprocessing(encoder), ESTIMATORS[estimator]())
    return pipeline.fit(data.frame, data.label)
