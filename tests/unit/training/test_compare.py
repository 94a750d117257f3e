"""A challenger wins only when it is shown to be better, and nothing else got worse."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from dohyo_training.assess.value import CellValues
from dohyo_training.build.problem import Problem
from dohyo_training.compare import Contender, compare, primary_metric
from dohyo_training.config import RunConfig

VALUE = {"true_positive": -5, "false_positive": -5, "false_negative": -20, "true_negative": 0}
SOURCES = [{"name": "cells", "kind": "sklearn", "dataset": "breast_cancer"}]


def config(**sections: Any) -> RunConfig:
    document = {
        "task": {"target": "y"},
        "data": {"sources": SOURCES},
        "output": {"name": "x"},
        "value": VALUE,
        **sections,
    }
    return RunConfig.model_validate({k: v for k, v in document.items() if v is not None})


def problem(positive: np.ndarray, cells: CellValues | None = None) -> Problem:
    return Problem(
        "binary",
        pd.DataFrame(index=range(len(positive))),
        positive.astype(np.intp),
        (0, 1),
        cells,
    )


def contender(name: str, probability: np.ndarray, microseconds: float = 20.0) -> Contender:
    return Contender(name, np.column_stack([1 - probability, probability]), 0.25, microseconds)


CELLS = CellValues(-5.0, -5.0, -20.0, 0.0)


def draw(seed: int, *, skill: float = 0.0, rows: int = 1500) -> tuple[Problem, Any, Any]:
    """Two versions that know half of the truth each; the challenger `skill` more of it."""
    chance = np.random.default_rng(seed)
    shared, first, second, rest = chance.normal(size=(4, rows))
    positive = shared + first + second + rest > 0.8

    def probability(own: Any, other: Any) -> Any:
        return 1 / (1 + np.exp(-1.4 * (shared + own + skill * other - 0.8)))

    champion = 1 / (1 + np.exp(-1.4 * (shared + second - 0.8)))
    return problem(positive, CELLS), probability(first, second), champion


def test_a_challenger_of_equal_value_wins_hardly_ever() -> None:
    wins, seeds = 0, 400
    frame = pd.DataFrame(index=range(600))
    for seed in range(seeds):
        rows, challenger, champion = draw(seed, rows=600)
        verdict = compare(
            config(), rows, frame, contender("new", challenger), contender("old", champion)
        )
        wins += verdict.outcome == "wins"
    assert wins <= seeds * 0.05 + 3 * sqrt(seeds * 0.05 * 0.95)


def test_a_better_one_wins_and_a_worse_one_loses() -> None:
    rows, better, champion = draw(1, skill=1.0, rows=4000)
    frame = pd.DataFrame(index=range(4000))
    won = compare(config(), rows, frame, contender("new", better), contender("old", champion))
    lost = compare(config(), rows, frame, contender("new", champion), contender("old", better))
    assert (won.outcome, won.exit_code) == ("wins", 0)
    assert (lost.outcome, lost.exit_code) == ("loses", 3)
    assert won.text.startswith("new beats old: value +")


def test_the_same_version_is_undecided() -> None:
    rows, _, champion = draw(2)
    frame = pd.DataFrame(index=range(1500))
    same = compare(config(), rows, frame, contender("new", champion), contender("old", champion))
    assert (same.outcome, same.exit_code) == ("undecided", 4)
    assert "+0 (95 % interval" in same.text
    assert "which stays" in same.text


def test_a_guardrail_keeps_a_better_one_back() -> None:
    rows, better, champion = draw(1, skill=1.0, rows=4000)
    frame = pd.DataFrame(index=range(4000))
    guarded = config(gates={"guardrails": {"latency_us": 50, "roc_auc": 0.01}})
    slow = compare(
        guarded, rows, frame, contender("new", better, 900.0), contender("old", champion)
    )
    assert slow.outcome == "undecided"
    assert [one.passed for one in slow.guardrails] == [True, False]
    assert "guardrail latency broken: 900.0 of 50 us" in slow.text


def test_a_group_that_fares_worse_keeps_a_better_one_back() -> None:
    rows, better, champion = draw(1, skill=1.0, rows=4000)
    frame = pd.DataFrame({"region": np.where(np.arange(4000) % 4 == 0, "west", "east")})
    # In the west the challenger finds nobody any more.
    unfair = np.where(frame["region"] == "west", 0.01, better)
    guarded = config(
        gates={"guardrails": {"worst_group": 0.05}},
        slices={"fairness": ["region"]},
        columns={"region": {"use": "audit-only", "reason": "a test"}},
    )
    found = compare(guarded, rows, frame, contender("new", unfair), contender("old", champion))
    assert found.outcome == "loses"
    assert not found.guardrails[0].passed


def test_value_decides_where_there_is_one() -> None:
    positive = np.arange(10) > 4
    assert primary_metric(config(), problem(positive, CELLS)) == "value"
    assert primary_metric(config(value=None), problem(positive)) == "roc_auc"
