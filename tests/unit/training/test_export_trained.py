"""Every algorithm is exported as it answers, or refused; a fresh process proves it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from dohyo_form.form import Form
from dohyo_training import features
from dohyo_training.build.blend import assemble
from dohyo_training.build.calibration import Calibrator, fit_isotonic, fit_sigmoid
from dohyo_training.build.families import FAMILIES
from dohyo_training.build.model import Model
from dohyo_training.build.problem import Problem, of_table
from dohyo_training.config import RunConfig
from dohyo_training.export import gate
from dohyo_training.export.columns import ExportError
from dohyo_training.export.gate import prove
from dohyo_training.export.persistence import TRUSTED, load_pipeline
from dohyo_training.export.records import records_of
from dohyo_training.export.trained import Material, export_model, form_parts, rows_of_gate
from dohyo_training.gather import gather

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dohyo_training.table import Table

NAMES = ("linear", "tree", "forest", "hist-boosting", "xgboost", "lightgbm")
SMALL: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 12},
    "hist-boosting": {"max_iter": 20},
    "xgboost": {"n_estimators": 20},
    "lightgbm": {"n_estimators": 20},
}


def configured(target: str) -> RunConfig:
    return RunConfig.model_validate(
        {
            "task": {"target": target, "event_date": "survey_date", "key": ["survey_id"]},
            "data": {"sources": [{"name": "s", "kind": "simulator", "rows": 3000, "seed": 3}]},
            "columns": {
                "score" if target != "score" else "satisfied": {
                    "use": "forbidden",
                    "reason": "the same answer",
                },
                "plan": {"encoding": "ordinal", "order": ["free", "plus", "pro"]},
                "survey_date": {"parts": ["week", "day_of_year", "weekday"]},
                "channel": {"missing": "most-frequent"},
            },
            "features": {
                "derived": [
                    {"name": "worth", "ratio": ["price", "usage_hours"]},
                    {"name": "trouble", "product": ["tickets", "defects"]},
                    {"name": "slow", "log1p": "response_hours"},
                    {"name": "left", "difference": ["usage_hours", "response_hours"]},
                ]
            },
            "output": {"name": "x"},
        }
    )


def prepared(config: RunConfig, now: datetime, tmp: Path) -> tuple[Table, Problem, Any, Any]:
    table = gather(config, base=tmp, now=now)
    problem = of_table(config, table)
    if config.task.target == "product":
        problem = replace(problem, kind="multiclass")
    transformer = features.pipeline(config, table)
    return table, problem, transformer, transformer.fit_transform(table.x, table.y)


@pytest.fixture(scope="module", params=["satisfied", "channel", "score"])
def fitted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunConfig, Table, Problem, Any, dict[str, Any]]:
    from datetime import UTC, datetime  # noqa: PLC0415

    config = configured(request.param)
    if request.param == "channel":
        document = config.model_dump(mode="json", exclude_defaults=True)
        del document["columns"]["channel"]
        config = RunConfig.model_validate(document)
    now = datetime(2026, 1, 10, tzinfo=UTC)
    table, problem, transformer, matrix = prepared(
        config, now, tmp_path_factory.mktemp(request.param)
    )
    estimators = {
        name: FAMILIES[name].unfitted(problem, SMALL.get(name, {}), 1).fit(matrix, problem.target)
        for name in NAMES
    }
    members = {name: estimators[name] for name in ("linear", "xgboost", "hist-boosting")}
    weights = {"linear": 0.2, "xgboost": 0.5, "hist-boosting": 0.3}
    estimators["blend"] = assemble(members, weights, problem)
    return config, table, problem, transformer, estimators


def material(
    given: tuple[RunConfig, Table, Problem, Any, dict[str, Any]],
    name: str,
    calibrator: Calibrator | None = None,
) -> Material:
    config, table, problem, transformer, estimators = given
    estimator = estimators[name]
    inner = estimator.steps if isinstance(estimator, Pipeline) else [("model", estimator)]
    model = Model(
        problem.kind,
        problem.classes,
        Pipeline([("features", transformer), *inner]),
        calibrator or Calibrator(),
        "",
        0.4 if problem.kind == "binary" else None,
        "",
    )
    fields = features.fields(config, table, table.features)
    return Material(model, fields, table.x, 1e-5, 1)


@pytest.mark.parametrize("name", [*NAMES, "blend"])
def test_the_form_answers_what_the_pipeline_answers(fitted: Any, name: str, tmp_path: Path) -> None:
    given = material(fitted, name)
    (tmp_path / "training").mkdir()
    parts = form_parts(given)
    from dohyo_form.form import FOLDER, write_form  # noqa: PLC0415
    from dohyo_training.export.persistence import save_pipeline  # noqa: PLC0415

    save_pipeline(given.model.pipeline, tmp_path / "training" / gate.PIPELINE_FILE)
    (tmp_path / "training" / gate.CALIBRATION_FILE).write_text('{"kind": "none"}')
    write_form(tmp_path / FOLDER, parts)
    found = gate.measure(tmp_path, rows_of_gate(given, parts.contract))
    assert found["rows"] >= 3000 + 900
    assert found["largestDifference"] <= found["tolerance"]
    assert found["flips"] == 0
    assert found["golden"] == []


@pytest.mark.parametrize("fitted", ["satisfied"], indirect=True)
@pytest.mark.parametrize("fit", [fit_sigmoid, fit_isotonic])
def test_calibration_is_served_as_well(fitted: Any, fit: Any, tmp_path: Path) -> None:
    _, table, problem, _, _ = fitted
    given = material(fitted, "forest")
    raw = given.model.pipeline.predict_proba(table.x)[:, 1]
    given = material(fitted, "forest", fit(raw, problem.target == 1))
    exported = export_model(given, tmp_path / "model")
    assert exported.refusal == ""
    form = Form(tmp_path / "model" / "serving-form")
    expected = given.model.output(table.x, problem)
    rows = form.intake.records(records_of(table.x, form.contract))
    assert np.abs(form.predict(rows) - expected).max() < 1e-9
    assert np.abs(expected[:, 1] - raw).max() > 0.01
    assert form.labels(expected) == [problem.classes[int(p >= 0.4)] for p in expected[:, 1]]


@pytest.mark.parametrize("fitted", ["satisfied"], indirect=True)
def test_golden_rows_replay_in_a_fresh_process_without_scikit_learn(
    fitted: Any, tmp_path: Path
) -> None:
    export_model(material(fitted, "xgboost"), tmp_path / "model")
    program = (
        "import sys, pathlib, json\n"
        "for name in ('sklearn', 'pandas', 'xgboost', 'skops', 'dohyo_training'):\n"
        "    sys.modules[name] = None\n"
        "from dohyo_form.form import Form\n"
        "form = Form(pathlib.Path(sys.argv[1]))\n"
        "print(json.dumps([len(form.golden.records), form.replay()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model" / "serving-form")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == [32, []]


@pytest.mark.parametrize("fitted", ["satisfied"], indirect=True)
def test_a_changed_model_is_found_by_the_golden_rows(fitted: Any, tmp_path: Path) -> None:
    export_model(material(fitted, "linear"), tmp_path / "model")
    file = tmp_path / "model" / "serving-form" / "model.json"
    document = json.loads(file.read_text())
    document["intercept"][0] += 0.001
    file.write_text(json.dumps(document))
    assert len(Form(file.parent).replay()) == 32


@pytest.mark.parametrize("fitted", ["satisfied"], indirect=True)
def test_the_gate_catches_a_scaler_in_front_of_trees_in_onnx(fitted: Any, tmp_path: Path) -> None:
    """Scaling in 32 bits moves rows across thresholds that sit on values of the data."""
    _, table, problem, transformer, _ = fitted
    matrix = transformer.transform(table.x)
    scaler = StandardScaler().fit(matrix)
    trees = FAMILIES["hist-boosting"].unfitted(problem, {"max_iter": 60}, 1)
    trees.fit(scaler.transform(matrix), problem.target)
    given = material(fitted, "hist-boosting")
    scaled = [("features", transformer), ("scaler", scaler), ("model", trees)]
    given = replace(given, model=replace(given.model, pipeline=Pipeline(scaled)))
    exported = export_model(given, tmp_path / "model")
    assert exported.refusal == ""
    form = tmp_path / "model" / "serving-form"
    _move_scaler_into_onnx(form, scaler)
    with pytest.raises(ExportError, match="differs from the pipeline by"):
        prove(tmp_path / "model", rows_of_gate(given, form_parts(given).contract))


def _move_scaler_into_onnx(form: Path, scaler: StandardScaler) -> None:
    """What a converter of whole pipelines does: the row program stops scaling, the graph starts."""
    program = json.loads((form / "row.json").read_text())
    for step in program["steps"]:
        step.pop("shift", None)
        step.pop("divide", None)
    (form / "row.json").write_text(json.dumps(program))
    model = onnx.load(form / "model.onnx")
    for node in model.graph.node:
        node.input[:] = ["scaled" if name == "x" else name for name in node.input]
    shift, divide = scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)
    constants = [onnx.numpy_helper.from_array(v, n) for v, n in ((shift, "sh"), (divide, "di"))]
    model.graph.initializer.extend(constants)
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["x32"], to=onnx.TensorProto.FLOAT))
    model.graph.node.insert(1, helper.make_node("Sub", ["x32", "sh"], ["centred"]))
    model.graph.node.insert(2, helper.make_node("Div", ["centred", "di"], ["scaled32"]))
    to_double = helper.make_node("Cast", ["scaled32"], ["scaled"], to=onnx.TensorProto.DOUBLE)
    model.graph.node.insert(3, to_double)
    onnx.save(model, form / "model.onnx")


@pytest.mark.parametrize("fitted", ["satisfied"], indirect=True)
def test_what_cannot_be_said_is_refused_and_the_pipeline_stays(fitted: Any, tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB  # noqa: PLC0415

    _, table, problem, transformer, _ = fitted
    bayes = GaussianNB().fit(transformer.transform(table.x), problem.target)
    given = material(fitted, "linear")
    pipeline = Pipeline([("features", transformer), ("model", bayes)])
    given = replace(given, model=replace(given.model, pipeline=pipeline))
    exported = export_model(given, tmp_path / "model")
    assert exported.backend == "pipeline"
    assert "GaussianNB has no backend" in exported.refusal
    assert not (tmp_path / "model" / "serving-form").exists()
    assert (tmp_path / "model" / "training" / gate.PIPELINE_FILE).is_file()


def test_a_pipeline_of_unknown_types_is_not_loaded(tmp_path: Path) -> None:
    from skops import io  # type: ignore[import-untyped]  # noqa: PLC0415

    from dohyo_training.complaint import Complaint  # noqa: PLC0415

    io.dump(FAMILIES, tmp_path / "strange.skops")
    with pytest.raises(Complaint, match="which no pipeline of this package holds"):
        load_pipeline(tmp_path / "strange.skops")
    assert not any(name.startswith(("os.", "subprocess.", "builtins.")) for name in TRUSTED)


def test_records_say_nothing_as_null() -> None:
    from dohyo_form.contract import Contract, Field  # noqa: PLC0415

    frame = pd.DataFrame(
        {
            "n": [1.5, np.nan],
            "f": [1.0, np.nan],
            "c": pd.Series(["a", np.nan], dtype="object"),
            "d": pd.to_datetime(["2026-01-02", None]),
        }
    )
    kinds = {"n": "number", "f": "boolean", "c": "category", "d": "date"}
    contract = Contract(tuple(Field(name, kind, nullable=True) for name, kind in kinds.items()))
    assert records_of(frame, contract) == [
        {"n": 1.5, "f": True, "c": "a", "d": "2026-01-02T00:00:00"},
        {"n": None, "f": None, "c": None, "d": None},
    ]
