"""Forms and pipelines answer whole columns as they answer rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from dohyo_batch.intake import ColumnIntake
from dohyo_form.form import Form
from dohyo_form.intake import Intake
from dohyo_serving.predictors import FormPredictor, PipelinePredictor
from dohyo_training.export.serving_form import Training, export_form
from tests.unit.form.simulated import CONTRACT, customers, fitted, preprocessing

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_batch.intake import Checked
    from tests.unit.form.simulated import Customers


def read(data: Customers) -> Checked:
    table = pa.Table.from_pylist(data.records).combine_chunks()
    columns = {name: table[name].chunk(0) for name in table.column_names}
    return ColumnIntake(CONTRACT, None, text=False).read(columns, len(data.records))


@pytest.mark.parametrize("encoder", ["one-hot", "target", "infrequent", "ordinal"])
def test_a_form_answers_columns_like_rows(encoder: str, tmp_path: Path) -> None:
    data = customers(600)
    export_form(fitted(encoder, "logistic", data), Training(CONTRACT, data.records, 7), tmp_path)
    predictor = FormPredictor(Form(tmp_path))
    rows = Intake(CONTRACT).records(data.records)

    inputs = predictor.inputs_of_columns(read(data).columns)

    np.testing.assert_array_equal(inputs, predictor.inputs_of_rows(rows))


def test_a_pipeline_answers_columns_like_rows() -> None:
    data = customers(300)
    frame = data.frame[list(CONTRACT.names)]
    pipeline = make_pipeline(preprocessing("one-hot"), LogisticRegression()).fit(frame, data.label)
    predictor = PipelinePredictor(pipeline, CONTRACT)
    rows = Intake(CONTRACT).records(data.records)

    checked = read(data)

    assert checked.good.all()
    np.testing.assert_array_equal(
        predictor.predict(predictor.inputs_of_columns(checked.columns)),
        predictor.predict(predictor.inputs_of_rows(rows)),
    )
