"""Each way in which data go wrong is one clear sentence with the place and the way out."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from dohyo_training.analyse import analyse
from dohyo_training.complaint import DataComplaint
from dohyo_training.features import pipeline
from dohyo_training.gather import gather
from tests.unit.training.written import NOW, config, gathered, gathered_text, orders

if TYPE_CHECKING:
    from pathlib import Path

ROWS = orders(60).to_csv(index=False)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty; nothing can be learned from it"),
        ("order,day,region,amount,late\n", "has a header and no rows"),
        (ROWS.replace(",", ";"), 'its separator seems to be a semicolon: set `separator: ";"`'),
        (ROWS.replace(",", "\t"), "its separator seems to be a tab"),
        (ROWS.replace("region", "amount", 1), "has 2 columns named 'amount'"),
        (ROWS.replace("region", "", 1), "column 3 has no name"),
        (ROWS + "61,2025-12-05,north,3.5,1,9,9\n", "row 62 has 7 fields and the header 5"),
        (ROWS + "61,2025-12-05,north,cheap,1\n", "column 'amount': row 61 holds 'cheap', which"),
        (ROWS + "61,05.12.2025,north,3.5,1\n", "row 61 holds '05.12.2025', which is no ISO date"),
        (ROWS + '61,2025-12-05,north,"3,5",1\n', "set `decimal: ','` for the source"),
        (ROWS + "61,2025-12-05T10:00:00Z,north,3.5,1\n", "a date without a time zone"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataComplaint) as raised:
        gathered_text(tmp_path, text)
    assert complaint in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_text_among_numbers_is_found_beyond_the_first_part_read(tmp_path: Path) -> None:
    frame = pd.concat([orders(50_000)] * 3, ignore_index=True).astype({"amount": object})
    frame.loc[140_000, "amount"] = "n.a."
    with pytest.raises(DataComplaint, match=r"row 140001 holds 'n\.a\.', which is no number"):
        gathered(tmp_path, frame)


def test_a_text_that_stands_for_no_value_can_be_declared(tmp_path: Path) -> None:
    table = gathered_text(
        tmp_path, ROWS + "61,2025-12-05,north,unknown,1\n", options=", missing: [unknown]"
    )
    assert table.frame["amount"].isna().sum() == 1


def test_mixed_types_are_named_with_their_rows(tmp_path: Path) -> None:
    frame = orders(60)
    frame["code"] = [row if row % 3 == 0 else f"x{row % 5}" for row in range(60)]
    with sqlite3.connect(tmp_path / "orders.db") as database:
        frame.astype({"day": str}).to_sql("orders", database, index=False, dtype={"code": "BLOB"})
    database.close()
    source = "[{name: o, kind: sql, url: 'sqlite:///orders.db', query: 'select * from orders'}]"
    with pytest.raises(DataComplaint, match="column 'code' mixes types: row 1 holds 0"):
        gather(config(source), base=tmp_path, now=NOW)


@pytest.mark.parametrize(
    ("outcomes", "complaint"),
    [
        ([1] * 60, "has one class only, 1, in all 60 rows"),
        ([np.nan] * 60, "target 'late' has no value in any row"),
        ([0] * 57 + [1] * 3, "class 1 has 3 rows, fewer than folds.k of 5"),
        ([f"c{row % 50 + 100 * (row % 3)}" for row in range(60)], "rows, fewer than folds.k"),
    ],
)
def test_an_outcome_that_cannot_be_learned(
    tmp_path: Path, outcomes: list[object], complaint: str
) -> None:
    frame = orders(60).assign(late=outcomes)
    with pytest.raises(DataComplaint, match=complaint):
        gathered(tmp_path, frame)


def test_rows_without_outcome_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = orders(60).astype({"late": float})
    frame.loc[:9, "late"] = np.nan
    table = gathered(tmp_path, frame)
    assert len(table.frame) == 50
    assert table.classes == (0, 1)
    assert "10 of 60 rows have no outcome" in table.notes[0]


def test_a_column_without_any_value(tmp_path: Path) -> None:
    with pytest.raises(DataComplaint, match="column 'note' has no value in any row; mend"):
        gathered(tmp_path, orders(60).assign(note=np.nan))


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    frame = orders(60)
    frame.loc[5, "order"] = 5
    with pytest.raises(DataComplaint, match=r"1 rows repeat the key of task\.key, such as"):
        gathered(tmp_path, frame, "task: {target: late, key: [order]}\n")


def test_a_duplicate_index_of_pandas_is_a_column_like_any_other(tmp_path: Path) -> None:
    frame = orders(60)
    frame.index = pd.Index([1] * 60, name="batch")
    frame.to_parquet(tmp_path / "orders.parquet")
    source = "[{name: o, kind: parquet, path: orders.parquet}]"
    table = gather(config(source), base=tmp_path, now=NOW)
    assert table.frame.index.is_unique
    assert "batch" in table.features


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("task: {target: lat}\n", "the target 'lat' is no column of the data; they have order"),
        ("task: {target: late, event_date: amount}\n", "event_date 'amount' holds no dates"),
        ("task: {target: late, positive: 2}\n", "task.positive 2 is no outcome of 'late'"),
        ("training: {metric: rmse}\n", "training.metric: 'rmse' is not for binary; choose one of"),
        ("columns: {amont: {}}\n", "columns.amont: is no column of the data"),
        ("columns: {amount: {max: 50}}\n", "column 'amount': .* rows are beyond max 50"),
        ("columns: {region: {kind: number}}\n", "column 'region': row 1 holds .* no number"),
    ],
)
def test_what_the_configuration_says_of_the_data(tmp_path: Path, more: str, complaint: str) -> None:
    with pytest.raises(DataComplaint, match=complaint):
        gathered(tmp_path, orders(60), more)


def test_a_missing_file_names_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "order.csv").write_text(ROWS)
    source = "[{name: orders, kind: csv, path: orders.csv}]"
    with pytest.raises(DataComplaint, match=r"no such file; the folder holds order\.csv"):
        gather(config(source), base=tmp_path, now=NOW)


def test_a_failing_query_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "orders.db").touch()
    source = "[{name: o, kind: sql, url: 'sqlite:///orders.db', query: 'select * from other'}]"
    with pytest.raises(DataComplaint, match="the query failed: no such table: other"):
        gather(config(source), base=tmp_path, now=NOW)


def test_a_thousand_columns_are_bounded_work(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    wide = pd.DataFrame(chance.normal(size=(300, 1000)), columns=[f"c{n}" for n in range(1000)])
    frame = wide.assign(late=(wide["c7"] + chance.normal(size=300) > 0).astype(int))
    table = gathered(tmp_path, frame)
    run = config("[{name: o, kind: csv, path: x}]", more="analysis: {table_report: false}\n")
    found = analyse(table, run)
    assert found.record["with_target"][0]["column"] == "c7"
    assert len(found.record["relations"]) == 40 * 39 / 2
    assert any("40 of 1000 features" in sentence for sentence in found.sentences)
    assert pipeline(run, table).fit_transform(table.x, table.y).shape == (300, 1000)
