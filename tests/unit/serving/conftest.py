from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dohyo_form.contract import Contract, Field
from dohyo_form.form import FOLDER
from dohyo_training.export.serving_form import Training, export_form
from tests.unit.form import simulated
from tests.unit.serving.serving_in_process import MASTER, write_keys

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of thirty numbers, f0 to f29."""
    data = load_breast_cancer()
    contract = Contract(tuple(Field(f"f{place}", "number") for place in range(30)))
    records = [dict(zip(contract.names, row, strict=True)) for row in data.data.tolist()]
    folder = tmp_path_factory.mktemp("cells")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    pipeline.fit(data.data, data.target_names[data.target])
    export_form(pipeline, Training(contract, records, 1), folder / FOLDER)
    return folder


@pytest.fixture(scope="session")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of twelve mixed columns."""
    data = simulated.customers(600)
    folder = tmp_path_factory.mktemp("customers")
    pipeline = simulated.fitted("ordinal", "histogram", data)
    export_form(pipeline, Training(simulated.CONTRACT, data.records, 1), folder / FOLDER)
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    write_keys(folder, MASTER.for_namespace("shop"))
    return folder
