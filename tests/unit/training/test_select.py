"""Columns without use go, judged on rows that the choice has not seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, TimeSeriesSplit

from dohyo_training.gather import gather
from dohyo_training.select import select
from dohyo_training.selection_methods import copies, correlations
from tests.unit.training.written import NOW, config, gathered

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

JUNK = {"price_cents", "currency", "noise_level", "noise_draw"}
SOURCE = "[{name: orders, kind: csv, path: orders.csv}]"


def simulated(folder: Path, more: str = "") -> tuple[RunConfig, Table]:
    run = config(
        "[{name: surveys, kind: simulator, rows: 6000}]",
        more=(
            "task: {target: satisfied, event_date: survey_date, key: [survey_id, customer_id], "
            "treatment: {column: courtesy_call, propensity: call_propensity}}\n"
            f"columns: {{score: {{use: forbidden, reason: the same answer}}}}\n{more}"
        ),
    )
    return run, gather(run, base=folder, now=NOW)


def test_junk_of_the_simulator_is_dropped(tmp_path: Path) -> None:
    run, table = simulated(tmp_path)
    found = select(run, table, list(TimeSeriesSplit(3).split(table.x)))
    decisions = {decision.column: decision for decision in found.decisions}
    assert JUNK.isdisjoint(found.kept)
    assert {"product", "defects", "response_hours", "survey_date"} <= set(found.kept)
    assert decisions["price_cents"].method == "copy of price"
    assert decisions["currency"].method == "constant"
    assert decisions["noise_level"].method == "l1"
    assert decisions["defects"].effect > 3 * decisions["defects"].standard_error > 0
    assert found.difference > -found.standard_error
    assert json.loads(json.dumps(found.as_json()))["metric"] == "roc_auc"


def test_the_same_rows_of_the_folds_give_the_same_choice(tmp_path: Path) -> None:
    run, table = simulated(tmp_path)
    folds = list(TimeSeriesSplit(2).split(table.x.head(1000)))
    seen = select(run, table, folds)
    assert select(run, table, folds) == seen
    # Nor does it look at rows that are in no fold.
    table.frame.loc[1000:, "noise_level"] = 50.0 * table.frame.loc[1000:, "satisfied"].astype(int)
    assert select(run, table, folds) == seen


def test_nothing_is_dropped_when_told_so(tmp_path: Path) -> None:
    run, table = simulated(tmp_path, "selection: {method: none}\n")
    found = select(run, table, list(TimeSeriesSplit(2).split(table.x.head(1000))))
    assert found.kept == table.features
    assert found.sentence.endswith("features stay: selection.method is none.")
    run, table = simulated(tmp_path, "selection: {keep: [noise_level, currency]}\n")
    found = select(run, table, list(TimeSeriesSplit(2).split(table.x.head(3000))))
    assert {"noise_level", "currency"} <= set(found.kept)
    assert "noise_draw" not in found.kept


def test_what_only_shows_with_another_column_is_kept(tmp_path: Path) -> None:
    chance = np.random.default_rng(2)
    rows = 3000
    a, b = chance.choice([-1.0, 1.0], rows), chance.choice([-1.0, 1.0], rows)
    frame = pd.DataFrame({"a": a, "b": b, "noise": chance.normal(size=rows)})
    frame["late"] = (a * b + chance.normal(size=rows) > 0).astype(int)
    table = gathered(tmp_path, frame)
    folds = list(KFold(3, shuffle=True, random_state=1).split(table.x))
    assert select(config(SOURCE), table, folds).kept == ("a", "b")


@pytest.mark.parametrize(
    ("target", "method"), [("amount", "auto"), ("grade", "auto"), ("amount", "rfecv")]
)
def test_amounts_and_several_classes(tmp_path: Path, target: str, method: str) -> None:
    chance = np.random.default_rng(4)
    rows = 600
    frame = pd.DataFrame(chance.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    amount = 2 * frame["a"] - frame["b"] + chance.normal(size=rows) * 0.3
    frame[target] = amount if target == "amount" else np.digitize(amount, [-1, 1])
    more = f"selection: {{method: {method}}}\n"
    table = gathered(tmp_path, frame, more, target=target)
    folds = list(KFold(3, shuffle=True, random_state=1).split(table.x))
    found = select(config(SOURCE, target, more), table, folds)
    assert found.metric == ("rmse" if target == "amount" else "log_loss")
    assert {"a", "b"} <= set(found.kept)
    if method == "auto":
        assert len(found.kept) <= 3


def test_correlations_are_those_of_pandas_where_values_are_missing() -> None:
    chance = np.random.default_rng(6)
    frame = pd.DataFrame(chance.normal(size=(300, 6))).mask(chance.random((300, 6)) < 0.2)
    frame[6] = frame[0] * 3 + 1e6
    found = correlations(frame.to_numpy())
    assert found == pytest.approx(frame.corr().to_numpy(), abs=1e-6)


def test_copies_are_found_by_rank_and_level_by_level() -> None:
    chance = np.random.default_rng(7)
    amount = pd.Series(chance.normal(size=200)).mask(chance.random(200) < 0.1)
    plan = pd.Series(chance.choice(["a", "b", "c"], 200)).mask(chance.random(200) < 0.1)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "cents": np.exp(amount),
            "noise": chance.normal(size=200),
            "again": -(amount**3),
            "plan": plan,
            "code": plan.map({"a": "z", "b": "y", "c": "x"}),
            "two": plan.replace("c", "b"),
            "shape": chance.permutation(plan.to_numpy()),
        }
    )
    kinds = {
        name: "category" if name in ("plan", "code", "two", "shape") else "number" for name in frame
    }
    # Of a copy of a copy the first is named, for that one stays.
    assert dict(copies(kinds, frame, 0.95)) == {
        "cents": "copy of amount",
        "again": "copy of amount",
        "code": "copy of plan",
    }
