# ruff: noqa: PLC0415 - each tool is imported only where it is installed
"""One tool on one fold, run by `peers` with the Python of the tool's own environment.

It imports nothing of this project unless the tool is this project.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

CORES = 2
# What answers many rows, and what answers one, given as a table and as a record.
Answers = tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]


def main() -> None:
    tool, file, kind, seconds = sys.argv[1:5]
    warnings.simplefilter("ignore")
    table = pd.read_csv(file)
    judging = table.pop("_judging").to_numpy() == 1
    y = table.pop("_y").to_numpy()
    began = used()
    answer, row = TOOLS[tool](table[~judging], y[~judging], kind, float(seconds))
    cpu = used() - began
    output = answer(table[judging])
    times = []
    for place in range(30):
        one = table[judging].iloc[place : place + 1]
        times.append(timed(row, one))
    result = {
        "score": score(kind, y[judging], output),
        "cpu_seconds": cpu,
        "row_microseconds": float(np.median(times)),
    }
    print(json.dumps(result))


def used() -> float:
    """Processor seconds of this process and of those it has ended."""
    parts = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def timed(call: Callable[[Any, Any], Any], one: Any) -> float:
    prepared = one.to_dict("records")[0]
    began = time.perf_counter()
    call(one, prepared)
    return (time.perf_counter() - began) * 1e6


def score(kind: str, y: Any, output: Any) -> float:
    from sklearn.metrics import log_loss, roc_auc_score

    if kind == "binary":
        return float(roc_auc_score(y, output[:, 1]))
    if kind == "multiclass":
        return float(log_loss(y, np.clip(output, 1e-15, 1)))
    return float(np.sqrt(np.mean((output - y) ** 2)))


def of_estimator(model: Any, kind: str) -> Answers:
    """The answers of anything like scikit-learn, for many rows and for one."""

    def answer(x: Any) -> Any:
        return model.predict(x) if kind == "regression" else model.predict_proba(x)

    return answer, lambda one, _: answer(one)


def prepared_for_trees(x: pd.DataFrame) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    texts = make_column_selector(dtype_exclude="number")(x)
    numbers = [name for name in x if name not in texts]
    hot = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return make_column_transformer((SimpleImputer(), numbers), (hot, texts), sparse_threshold=0)


def forest(x: Any, y: Any, kind: str, _seconds: float) -> Answers:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import make_pipeline

    make = RandomForestRegressor if kind == "regression" else RandomForestClassifier
    model = make_pipeline(prepared_for_trees(x), make(n_jobs=2, random_state=1)).fit(x, y)
    return of_estimator(model, kind)


def tuned_forest(x: Any, y: Any, kind: str, _seconds: float) -> Answers:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

    make = RandomForestRegressor if kind == "regression" else RandomForestClassifier
    scoring = {
        "binary": "roc_auc",
        "multiclass": "neg_log_loss",
        "regression": "neg_mean_squared_error",
    }
    steps = [("columns", prepared_for_trees(x)), ("forest", make(random_state=1))]
    grid = {"forest__min_samples_leaf": [1, 5, 20], "forest__max_features": ["sqrt", 0.5]}
    search = GridSearchCV(Pipeline(steps), grid, scoring=scoring[kind], cv=5, n_jobs=2).fit(x, y)
    return of_estimator(search.best_estimator_, kind)


def boosting(x: Any, y: Any, kind: str, _seconds: float) -> Answers:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    make = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
    model = make_pipeline(prepared_for_trees(x), make(random_state=1)).fit(x, y)
    return of_estimator(model, kind)


def flaml(x: Any, y: Any, kind: str, seconds: float) -> Answers:
    from flaml import AutoML  # type: ignore[import-not-found]

    model = AutoML()
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[kind]
    task = "regression" if kind == "regression" else "classification"
    model.fit(x, y, task=task, metric=metric, time_budget=seconds, seed=1, verbose=0, n_jobs=2)
    return of_estimator(model, kind)


def mljar(x: Any, y: Any, kind: str, seconds: float) -> Answers:
    import tempfile

    from supervised import AutoML  # type: ignore[import-not-found]

    task = {"binary": "binary_classification", "multiclass": "multiclass_classification"}
    model = AutoML(
        results_path=tempfile.mkdtemp(),
        mode="Perform",
        ml_task=task.get(kind, "regression"),
        total_time_limit=int(seconds),
        random_state=1,
        n_jobs=2,
        verbose=0,
    )
    model.fit(x, y)
    return of_estimator(model, kind)


def autogluon(x: Any, y: Any, kind: str, seconds: float) -> Answers:
    import tempfile

    from autogluon.tabular import TabularPredictor  # type: ignore[import-not-found]

    metric = {
        "binary": "roc_auc",
        "multiclass": "log_loss",
        "regression": "root_mean_squared_error",
    }
    model = TabularPredictor("_y", eval_metric=metric[kind], path=tempfile.mkdtemp(), verbosity=0)
    model.fit(x.assign(_y=y), time_limit=seconds)

    def answer(rows: Any) -> Any:
        if kind == "regression":
            return model.predict(rows).to_numpy()
        return model.predict_proba(rows).to_numpy()

    return answer, lambda one, _: answer(one)


def dohyo(x: Any, y: Any, kind: str, cpu_seconds: float) -> Answers:
    """The stages of a run from the split on, and the served form for one row."""
    import os
    import pathlib
    import tempfile
    from datetime import UTC, datetime

    # As `dohyo train` does, before scikit-learn is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from dohyo_form.form import Form, write_form
    from dohyo_training import features
    from dohyo_training.build.stage import build, material_of
    from dohyo_training.config import RunConfig
    from dohyo_training.export.trained import Material, form_parts
    from dohyo_training.gather import gather
    from dohyo_training.run import prepare
    from dohyo_training.state import RunState
    from dohyo_training.telling import Silence

    folder = pathlib.Path(tempfile.mkdtemp())
    x.assign(_y=y).to_csv(folder / "rows.csv", index=False)
    config = RunConfig.model_validate(
        {
            "task": {"target": "_y", "type": kind},
            "data": {"sources": [{"name": "rows", "kind": "csv", "path": "rows.csv"}]},
            # The peers' metrics, and all rows: the outer fold holds back.
            "folds": {"test_share": 0.05},
            "training": {"one_standard_error": False},
            "search": {"budget_cpu_seconds": cpu_seconds},
            "output": {"name": "peer"},
        }
    )
    table = gather(config, base=folder, now=datetime.now(UTC))
    ready = prepare(config, table, Silence())

    def unfitted() -> Any:
        return features.pipeline(config, table, columns=ready.selection.kept)

    material = material_of(config, ready.development, ready.split.pairs, unfitted)
    state = RunState(folder / "state")
    built = build(config, material, progress=Silence().progress, memory=state)
    fields = features.fields(config, table, ready.selection.kept)
    rows = ready.problem.rows
    parts = form_parts(Material(built.model, fields, rows, 1e-5, 1))
    write_form(folder / "form", parts)
    form = Form(folder / "form")
    names = [field.name for field in fields]

    def records(frame: Any) -> list[dict[str, Any]]:
        return [
            {n: None if pd.isna(v) else v for n, v in zip(names, row, strict=True)}
            for row in frame[names].astype(object).itertuples(index=False)
        ]

    def answer(frame: Any) -> Any:
        output = form.predict(form.intake.records(records(frame)))
        return output[:, 0] if kind == "regression" else output

    def one(_frame: Any, record: Any) -> Any:
        kept = {n: record[n] for n in names}
        return form.predict([form.intake.record(kept)])

    return answer, one


TOOLS = {
    "dohyo": dohyo,
    "forest": forest,
    "tuned-forest": tuned_forest,
    "boosting": boosting,
    "flaml": flaml,
    "mljar": mljar,
    "autogluon": autogluon,
}

if __name__ == "__main__":
    main()
