"""Shuffled folds promise more than time keeps, and a run says how much more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer

from dohyo_training.build.optimism import promise
from dohyo_training.build.problem import Problem
from dohyo_training.build.stage import build, material_of
from dohyo_training.folds import Labels, split
from tests.unit.training.searching import Notes, config, told

BOOSTED = {"name": "hist-boosting", "grid": {"max_iter": [30], "max_leaf_nodes": [7]}}


@pytest.mark.parametrize("models", [[BOOSTED], [BOOSTED, "linear", "blend"]])
def test_where_the_world_turns_shuffled_folds_promise_more(models: list[Any]) -> None:
    task = {"target": "y", "event_date": "day"}
    asked = config(task=task, models=models, folds={"k": 4})
    chance = np.random.default_rng(3)
    rows = 3000
    when = np.sort(chance.random(rows))
    x = pd.DataFrame(chance.normal(size=(rows, 2)), columns=["a", "b"]).assign(when=when)
    turn = np.pi * when
    score = np.cos(turn) * x["a"] + np.sin(turn) * x["b"] + chance.normal(size=rows)
    target = (score > 0).to_numpy().astype(np.intp)
    dates = np.datetime64("2026-01-01") + (when * 365).astype(int).astype("timedelta64[D]")
    parts = split(Labels(target, is_classification=True, dates=dates), asked.folds)

    def unfitted() -> Any:
        return ColumnTransformer([("numbers", "passthrough", list(x))])

    problem = Problem("binary", x, target, (0, 1)).at(parts.development)
    given = material_of(asked, problem, parts.pairs, unfitted)
    found = promise(asked, given, build(asked, given, progress=told, memory=Notes()))
    assert found.model == "hist-boosting"
    assert found.metric == "roc_auc"
    assert found.shuffled - found.by_time > 0.02
