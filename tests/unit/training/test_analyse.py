"""Leaks stop the run with the reason; what the data say is said."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from dohyo_training.analyse import analyse
from dohyo_training.analyse.relations import association
from dohyo_training.complaint import TrainingStopped
from dohyo_training.gather import gather
from tests.unit.training.written import NOW, config, gathered, orders

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

QUIET = "analysis: {table_report: false}\n"
TASK = "task: {target: late, event_date: day, key: [order]}\n"
SOURCE = "[{name: orders, kind: csv, path: orders.csv}]"


def reasons(folder: Path, frame: pd.DataFrame, more: str = "") -> list[str]:
    with pytest.raises(TrainingStopped) as raised:
        analyse(gathered(folder, frame, TASK + more), config(SOURCE, more=TASK + more))
    return list(raised.value.reasons)


def planted(kind: str) -> pd.DataFrame:
    frame = orders()
    chance = np.random.default_rng(5)
    late = frame["late"]
    made: dict[str, object] = {
        "copy": np.where(late == 1, "yes", "no"),
        "nearly": late * 10 + chance.normal(size=len(frame)),
        "fine": np.where(late == 1, "refund", chance.choice(["a", "b"], len(frame))),
        "filled": np.where(late == 1, 5.0, np.nan),
        "code": [f"K{number:06d}" for number in chance.permutation(len(frame))],
        "number": np.arange(1000, 1000 + len(frame)),
        "complained": frame["day"] + pd.to_timedelta(late * 3, unit="D"),
    }
    frame["planted"] = made[kind]
    if kind == "filled":
        frame.loc[chance.choice(len(frame), 2), "planted"] = 1.0
    return frame


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("copy", "is a copy of the target 'late'"),
        ("nearly", "alone predicts 'late' with ROC-AUC"),
        ("fine", "alone predicts 'late' with ROC-AUC"),
        ("filled", "alone predicts 'late' with ROC-AUC"),
        ("code", "has 400 different values in 400 rows: it names the row"),
        ("number", "has 400 different values in 400 rows: it names the row"),
        ("complained", "is later than the event (day) in"),
    ],
)
def test_a_planted_leak_stops_the_run(tmp_path: Path, kind: str, reason: str) -> None:
    (told,) = reasons(tmp_path, planted(kind))
    assert told.startswith(f"column 'planted' {reason}")
    assert told.endswith("or accept it in `analysis.accepted` with the reason")


def test_a_column_declared_as_later_stops_the_run(tmp_path: Path) -> None:
    (told,) = reasons(tmp_path, orders(), "columns: {amount: {known: after}}\n")
    assert "'amount' is known only after the event" in told


def test_a_number_that_is_the_outcome_stops_a_regression(tmp_path: Path) -> None:
    frame = orders().assign(gross=lambda rows: rows["amount"] * 1.19)
    task = "task: {target: amount, key: [order]}\n"
    with pytest.raises(TrainingStopped, match=r"'gross' alone predicts 'amount' with .Spearman. 1"):
        analyse(gathered(tmp_path, frame, task), config(SOURCE, more=task))


def test_what_was_accepted_or_forbidden_does_not_stop_it(tmp_path: Path) -> None:
    for more in (
        "analysis: {table_report: false, accepted: {planted: known when asked}}\n",
        QUIET + "columns: {planted: {use: forbidden, reason: the answer itself}}\n",
    ):
        table = gathered(tmp_path, planted("nearly"), TASK + more)
        assert analyse(table, config(SOURCE, more=TASK + more)).sentences


def test_honest_columns_do_not_stop_it(tmp_path: Path) -> None:
    found = analyse(gathered(tmp_path, orders(), TASK), config(SOURCE, more=TASK + QUIET))
    assert found.record["with_target"][0]["column"] == "amount"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunConfig, Table]:
    run = config(
        "[{name: surveys, kind: simulator, rows: 8000}]",
        more=(
            "task: {target: satisfied, event_date: survey_date, group: customer_id, "
            "key: [survey_id], treatment: {column: courtesy_call, propensity: call_propensity}}\n"
            "columns: {score: {use: forbidden, reason: the same answer}, "
            "age: {use: audit-only, reason: a law}}\n"
        ),
    )
    return run, gather(run, base=tmp_path_factory.mktemp("simulated"), now=NOW)


def test_the_simulated_year_is_described(simulated: tuple[RunConfig, Table]) -> None:
    run, table = simulated
    found = analyse(table, run)
    record = json.loads(json.dumps(found.record))
    moved = {one["column"]: one["psi"] for one in record["movements"]}
    assert moved["response_hours"] > 0.1 > moved["noise_level"]
    assert any("distributed differently: response_hours" in one for one in found.sentences)
    # The target is of words or marks: what is averaged is a share, and of which one is said.
    assert record["target"]["averaged"] == "share of satisfied = 1"
    assert any(one.startswith("The share of satisfied = 1 goes") for one in found.sentences)
    assert "By segment: share of satisfied = 1" in found.html
    assert record["relations"][0]["value"] == 1.0
    assert {record["relations"][0]["left"], record["relations"][0]["right"]} == {
        "price",
        "price_cents",
    }
    use = {one["column"]: one for one in record["use"]}
    assert (use["age"]["use"], use["age"]["reason"]) == ("audit-only", "a law")
    assert use["score"]["use"] == "forbidden"
    assert len(record["over_time"]) == 52
    assert "<iframe" in found.html
    assert "http-equiv" not in found.html.split("<iframe")[0]


def test_the_answer_itself_stops_the_simulated_run(tmp_path: Path) -> None:
    run = config(
        "[{name: surveys, kind: simulator, rows: 2000}]",
        more="task: {target: satisfied, event_date: survey_date, key: [survey_id, customer_id]}\n",
    )
    with pytest.raises(TrainingStopped) as raised:
        analyse(gather(run, base=tmp_path, now=NOW), run)
    (told,) = raised.value.reasons
    assert told.startswith("column 'score' alone predicts 'satisfied' with ROC-AUC 1.000")


def test_texts_of_the_data_are_escaped_in_the_page(tmp_path: Path) -> None:
    frame = orders()
    frame["region"] = frame["region"].replace("north", "<script>x</script>")
    found = analyse(gathered(tmp_path, frame, TASK), config(SOURCE, more=TASK + QUIET))
    assert "<script>x" not in found.html
    assert "&lt;script&gt;x" in found.html


def test_the_browsable_table_stands_in_the_page_and_brings_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    found = analyse(gathered(tmp_path, orders(), TASK), config(SOURCE, more=TASK))
    _, _, frame = found.html.partition('<iframe title="table report"')
    inside = html.unescape(frame)
    assert "skrub" in inside
    assert "region" in inside
    for loaded in ('src="http', "src='http", '<link rel="stylesheet" href="http'):
        assert loaded not in inside


def test_associations_fit_the_kinds() -> None:
    chance = np.random.default_rng(1)
    number = pd.Series(chance.normal(size=2000))
    level = pd.Series(np.where(number > 0, "high", "low"))
    noise = pd.Series(chance.choice(["a", "b", "c"], 2000))
    day = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(number.rank(), unit="h"))
    assert association(number, -number, ("number", "number"))[1] == pytest.approx(-1)
    assert association(number, day, ("number", "date"))[1] == pytest.approx(1)
    assert association(level, level, ("category", "category"))[1] == pytest.approx(1, abs=1e-3)
    assert association(level, number, ("category", "number"))[1] > 0.8
    assert association(noise, number, ("category", "number"))[1] < 0.06
    assert association(noise, level, ("category", "category"))[1] < 0.06
