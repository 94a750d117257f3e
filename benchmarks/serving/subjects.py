"""What is measured: four pipelines, their serving forms, and a request of each protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from dohyo_form.contract import Contract, Field
from dohyo_form.form import FOLDER
from dohyo_training.export.serving_form import Training, export_form
from tests.unit.form import simulated

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS, RECORDS = "numbers", "records"
# The same requests, answered by trees of XGBoost.
TREES_OF_NUMBERS, TREES_OF_RECORDS = "numbers (XGBoost)", "records (XGBoost)"


@dataclass(frozen=True)
class Subject:
    """A fitted pipeline on disk.

    Attributes:
        name: numbers (30 columns) or records (12 mixed columns), and the kind of model.
        pipeline: its joblib file.
        form: a folder with its serving form.
        contract: its columns.
        record: one row by name.
    """

    name: str
    pipeline: Path
    form: Path
    contract: Contract
    record: dict[str, Any]

    @property
    def numeric(self) -> bool:
        """Whether it is asked with a matrix, else with named records."""
        return self.contract.numeric

    @property
    def row(self) -> list[Any]:
        return list(self.record.values())

    def tensor_body(self) -> dict[str, Any]:
        """One row of the Open Inference Protocol."""
        shape = [1, len(self.row)]
        data = {"name": "input", "datatype": "FP64", "shape": shape, "data": self.row}
        return {"inputs": [data]}

    def grpc_body(self) -> dict[str, Any]:
        tensor = {"name": "input", "datatype": "FP64", "shape": [1, len(self.row)]}
        return {
            "model_name": "cells",
            "inputs": [{**tensor, "contents": {"fp64_contents": self.row}}],
        }


def numbers(folder: Path) -> Subject:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return _of_numbers(NUMBERS, pipeline, folder)


def trees_of_numbers(folder: Path) -> Subject:
    trees = XGBClassifier(n_estimators=50, max_depth=4, n_jobs=1, random_state=0)
    return _of_numbers(TREES_OF_NUMBERS, trees, folder)


def _of_numbers(name: str, pipeline: Any, folder: Path) -> Subject:
    data = load_breast_cancer()
    contract = Contract(tuple(Field(f"f{place}", "number") for place in range(30)))
    records = [dict(zip(contract.names, row, strict=True)) for row in data.data.tolist()]
    pipeline.fit(data.data, data.target)
    return _saved(name, pipeline, Training(contract, records, 1), folder)


def mixed_records(folder: Path) -> Subject:
    return _of_records(RECORDS, "logistic", folder)


def trees_of_records(folder: Path) -> Subject:
    return _of_records(TREES_OF_RECORDS, "xgboost", folder)


def _of_records(name: str, estimator: str, folder: Path) -> Subject:
    data = simulated.customers(1500)
    pipeline = simulated.fitted("one-hot", estimator, data)
    complete = [record for record in data.records if None not in record.values()]
    subject = _saved(name, pipeline, Training(simulated.CONTRACT, data.records, 1), folder)
    return Subject(name, subject.pipeline, subject.form, subject.contract, complete[0])


def _saved(name: str, pipeline: Any, training: Training, folder: Path) -> Subject:
    plain = "-".join(name.replace("(", "").replace(")", "").split())
    file = folder / f"{plain}.joblib"
    joblib.dump(pipeline, file)
    form = folder / plain
    export_form(pipeline, training, form / FOLDER)
    return Subject(name, file, form, training.contract, dict(training.records[0]))


def written(document: Any, file: Path) -> Path:
    file.write_text(
        json.dumps(document, default=lambda v: v.item() if isinstance(v, np.generic) else v)
    )
    return file
