"""Exported forms answer what their pipelines answer; what cannot be said is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from xgboost import XGBClassifier

from dohyo_form.contract import Contract, Field
from dohyo_form.form import Form
from dohyo_training.export.columns import ExportError, translate
from dohyo_training.export.parity import compare, outputs_of
from dohyo_training.export.serving_form import Training, export_form
from tests.unit.form import simulated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def data() -> simulated.Customers:
    return simulated.customers()


def training(data: simulated.Customers) -> Training:
    return Training(simulated.CONTRACT, data.records, seed=7)


@pytest.mark.parametrize(
    ("encoder", "estimator", "most"),
    [
        ("one-hot", "logistic", 1e-12),
        ("scaled", "logistic", 1e-12),
        ("target", "logistic", 1e-12),
        ("infrequent", "histogram", 1e-12),
        ("ordinal", "histogram", 1e-12),
        ("ordinal", "xgboost", 1e-5),
        ("infrequent", "xgboost", 1e-5),
        ("one-hot", "regression", 1e-9),
        ("ordinal", "histogram-regression", 1e-9),
    ],
)
def test_a_form_answers_what_its_pipeline_answers(
    tmp_path: Path, data: simulated.Customers, encoder: str, estimator: str, most: float
) -> None:
    pipeline = simulated.fitted(encoder, estimator, data)
    parity = export_form(pipeline, training(data), tmp_path)
    assert parity.rows > 2000
    assert parity.largest <= most
    assert parity.flips == 0
    form = Form(tmp_path)
    assert form.replay() == []
    # Rows that neither the export nor the pipeline has seen.
    fresh = simulated.customers(500, seed=11)
    seen = compare(form, pipeline, fresh.records)
    assert (seen.largest <= most, seen.flips) == (True, 0)
    np.testing.assert_allclose(
        form.predict(form.intake.records(fresh.records)),
        _own(pipeline, fresh),
        atol=most,
        rtol=0,
    )


def _own(pipeline: Any, data: simulated.Customers) -> Any:
    own = getattr(pipeline, "predict_proba", pipeline.predict)(data.frame)
    return own.reshape(len(data.frame), -1)


def test_the_program_gives_the_bits_of_the_transformer(
    tmp_path: Path, data: simulated.Customers
) -> None:
    pipeline = simulated.fitted("one-hot", "logistic", data)
    export_form(pipeline, training(data), tmp_path)
    form = Form(tmp_path)
    rows = form.intake.records(data.records)
    expected = pipeline[:-1].transform(data.frame)
    np.testing.assert_array_equal(form.program.batch(rows), expected)
    np.testing.assert_array_equal([form.program.row(row) for row in rows], expected)


CELLS = load_breast_cancer()
CELL_FIELDS = Contract(tuple(Field(f"f{place}", "number") for place in range(30)))
CELL_RECORDS = [dict(zip(CELL_FIELDS.names, row, strict=True)) for row in CELLS.data.tolist()]


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        HistGradientBoostingClassifier(max_iter=20, early_stopping=False),
        XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1),
    ],
    ids=["logistic", "histogram", "xgboost"],
)
def test_a_matrix_is_answered_like_records(tmp_path: Path, estimator: Any) -> None:
    estimator.fit(CELLS.data, CELLS.target)
    export_form(estimator, Training(CELL_FIELDS, CELL_RECORDS, 1), tmp_path)
    form = Form(tmp_path)
    assert form.program.takes_matrix
    matrix = form.program.matrix(form.intake.matrix(CELLS.data))
    rows = form.encode(form.intake.records(CELL_RECORDS))
    np.testing.assert_array_equal(matrix, rows)
    assert form.labels(form.model.predict(matrix)) == form.labels(form.model.predict(rows))


def test_several_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = np.array(["low", "mid", "high"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    contract = Contract(tuple(Field(name, "number") for name in "abc"))
    records = [dict(zip("abc", row, strict=True)) for row in x.tolist()]
    for model in (
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=10, early_stopping=False),
    ):
        folder = tmp_path / type(model).__name__
        export_form(model.fit(x, y), Training(contract, records, 1), folder)
        form = Form(folder)
        outputs = form.predict(form.intake.records(records))
        np.testing.assert_allclose(outputs, model.predict_proba(x), atol=1e-12)
        assert form.labels(outputs) == model.predict(x).tolist()


def test_the_same_pipeline_gives_the_same_bytes(tmp_path: Path, data: simulated.Customers) -> None:
    for name in ("one", "two"):
        pipeline = simulated.fitted("infrequent", "histogram", data)
        export_form(pipeline, training(data), tmp_path / name)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert files == [
        "contract.json",
        "form.json",
        "golden.json",
        "model.onnx",
        "profile.json",
        "row.json",
    ]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), "register"),
        (make_pipeline(StandardScaler(), StandardScaler(), LogisticRegression()), "two scalers"),
        (KNeighborsClassifier(), "no backend"),
    ],
)
def test_what_the_form_cannot_say_is_refused(tmp_path: Path, pipeline: Any, words: str) -> None:
    x = np.abs(CELLS.data)
    pipeline.fit(x, CELLS.target)
    with pytest.raises(ExportError, match=words):
        export_form(pipeline, Training(CELL_FIELDS, CELL_RECORDS, 1), tmp_path)


class Shifted(StandardScaler):  # type: ignore[misc]
    """Says something else than it does."""


@translate.register
def _(transformer: Shifted, columns: list[Any]) -> list[Any]:
    plain = StandardScaler().fit(np.zeros((2, len(columns))))
    plain.mean_, plain.scale_ = transformer.mean_ + 1e-3, transformer.scale_
    return translate(plain, columns)


def test_a_wrong_translation_does_not_pass_the_gate(tmp_path: Path) -> None:
    pipeline = make_pipeline(Shifted(), LogisticRegression(max_iter=500))
    pipeline.fit(CELLS.data, CELLS.target)
    with pytest.raises(ExportError, match="differs from the pipeline by"):
        export_form(pipeline, Training(CELL_FIELDS, CELL_RECORDS, 1), tmp_path)


def test_changed_golden_rows_are_told(tmp_path: Path, data: simulated.Customers) -> None:
    pipeline = simulated.fitted("one-hot", "logistic", data)
    export_form(pipeline, training(data), tmp_path)
    file = tmp_path / "golden.json"
    golden = json.loads(file.read_text())
    golden["outputs"][3][0] += 1e-3
    golden["records"][5]["plan"] = 7
    file.write_text(json.dumps(golden))
    told = Form(tmp_path).replay()
    assert told == ["('golden', 5, 'plan'): must be a text"]
    golden["records"][5]["plan"] = "pro"
    file.write_text(json.dumps(golden))
    assert any(line.startswith("row 3: ") for line in Form(tmp_path).replay())


def test_outputs_of_a_frame_and_a_matrix_are_the_same() -> None:
    model = HistGradientBoostingClassifier(max_iter=5).fit(CELLS.data, CELLS.target)
    rows = [tuple(row) for row in CELLS.data.tolist()]
    expected = model.predict_proba(CELLS.data)
    np.testing.assert_array_equal(outputs_of(model, rows, CELL_FIELDS), expected)
