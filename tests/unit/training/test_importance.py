"""Importance behind the preprocessing is the importance before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dohyo_training.assess.importance import importance
from dohyo_training.build.calibration import Calibrator
from dohyo_training.build.model import Model
from dohyo_training.build.problem import of_table
from dohyo_training.features import pipeline
from tests.unit.training.written import config, gathered, orders

if TYPE_CHECKING:
    from pathlib import Path

TASK = "task: {target: late, event_date: day, key: [order]}\n"


def test_each_feature_costs_what_scikit_learn_says(tmp_path: Path) -> None:
    frame = orders(2000)
    frame["noise"] = np.random.default_rng(2).normal(size=len(frame))
    table = gathered(tmp_path, frame, TASK)
    run = config("[{name: orders, kind: csv, path: orders.csv}]", more=TASK)
    problem = of_table(run, table)
    whole = make_pipeline(pipeline(run, table), StandardScaler(), LogisticRegression())
    whole.fit(problem.rows, problem.target)
    model = Model("binary", table.classes, whole, Calibrator(), "", 0.5, "")
    found = {one.feature: one for one in importance(model, problem, "roc_auc", seed=1)}
    assert next(iter(found)) == "amount"
    assert set(found) == set(table.features)
    known = permutation_importance(
        whole, problem.rows, problem.target, scoring="roc_auc", n_repeats=3, random_state=1
    )
    expected = dict(zip(problem.rows.columns, known.importances_mean, strict=True))
    for name in ("amount", "region", "noise"):
        assert found[name].loss == pytest.approx(expected[name], abs=0.02)
    assert found["amount"].loss > 0.1 > abs(found["noise"].loss)
    assert found["amount"].deviation > 0
