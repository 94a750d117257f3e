"""A row of a data set is good exactly when it would be good in a request, and becomes the same."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dohyo_batch.complaint import BatchError
from dohyo_batch.intake import ABSENT, ColumnIntake
from dohyo_form.columns import Coded
from dohyo_form.contract import Contract, Field
from dohyo_form.errors import RefusedError
from dohyo_form.intake import Intake

CONTRACT = Contract(
    (
        Field("age", "number", nullable=True, hard=(0.0, 120.0)),
        Field("visits", "integer"),
        Field("plan", "category", categories=("free", "pro"), unknown="reject", strip=True),
        Field("region", "category", nullable=True, categories=("north", "south")),
        Field("called", "boolean", default=False),
        Field("since", "date", nullable=True),
    )
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "age": st.one_of(st.none(), st.floats(), st.integers(-9, 999), st.text(max_size=2)),
    "visits": st.one_of(st.none(), st.floats(-5, 5), st.integers(-9, 9), st.booleans()),
    "plan": st.sampled_from([None, "free", " pro ", "gold", 3]),
    "region": st.sampled_from([None, "north", "west", ""]),
    "called": st.sampled_from([None, True, False, "yes"]),
    "since": st.sampled_from([None, "2026-01-02", "2026-01-02T03:04:05Z", "soon", 5]),
}
RECORDS = st.lists(
    st.fixed_dictionaries(
        {name: each for name, each in VALUES.items() if name != "called"},
        optional={"called": VALUES["called"]},
    ),
    min_size=1,
    max_size=8,
)


def rows_of(columns: list[Any]) -> list[tuple[Any, ...]]:
    read = [
        column.objects().tolist()
        if isinstance(column, Coded)
        else [None if np.isnan(value) else value for value in column.tolist()]
        for column in columns
    ]
    return list(zip(*read, strict=True))


@settings(deadline=None)
@given(RECORDS)
def test_rows_are_judged_as_in_requests(records: list[dict[str, Any]]) -> None:
    intake = Intake(CONTRACT)
    expected, good = [], []
    for record in records:
        try:
            expected.append(intake.record(record))
            good.append(True)
        except RefusedError:
            good.append(False)

    columns = {name: [each.get(name, ABSENT) for each in records] for name in CONTRACT.names}
    checked = ColumnIntake(CONTRACT, None, text=False).read(columns, len(records))

    assert checked.good.tolist() == good
    assert rows_of(checked.columns) == expected


def test_columns_of_arrow_are_read_like_values() -> None:
    table = pa.table(
        {
            "AGE": pa.array([30, None, 130, 41], pa.int32()),
            "visits": pa.array([1.0, 2.0, 3.0, 4.5], pa.float32()),
            "plan": pa.array(["free", "pro", "pro", None]).dictionary_encode(),
            "region": pa.array(["north", "west", None, "south"]),
            "called": pa.array([True, False, None, True]),
            "since": pa.array([date(2026, 1, 2), None, None, None], pa.date32()),
        }
    ).combine_chunks()
    columns = {name: table[name].chunk(0) for name in table.column_names}

    checked = ColumnIntake(CONTRACT, {"age": "AGE"}, text=False).read(columns, 4)

    assert checked.good.tolist() == [True, True, False, False]
    assert rows_of(checked.columns) == [
        (30.0, 1.0, "free", "north", 1.0, datetime(2026, 1, 2)),  # noqa: DTZ001
        (None, 2.0, "pro", "west", 0.0, None),
    ]
    assert {(each.place, each.column, each.value) for each in checked.refused} == {
        (2, "AGE", "130"),
        (2, "called", ""),
        (3, "visits", "4.5"),
        (3, "plan", ""),
    }
    assert checked.imputed["age"].tolist() == [False, True]
    assert checked.unknown["region"].tolist() == [False, True]


def test_texts_are_numbers_where_all_is_text() -> None:
    given_ = {
        "age": pa.array(["30.5", "x", None]),
        "visits": pa.array(["1", "2", "3"]),
        "plan": pa.array(["free", "pro", "pro"]),
        "region": pa.array(["north", None, "north"]),
        "called": pa.array(["True", "0", "false"]),
        "since": pa.array(["2026-01-02", None, None]),
    }

    checked = ColumnIntake(CONTRACT, None, text=True).read(given_, 3)

    assert checked.good.tolist() == [True, False, True]
    assert rows_of(checked.columns)[0][:5] == (30.5, 1.0, "free", "north", 1.0)
    assert [(each.column, each.value) for each in checked.refused] == [("age", "x")]
    assert "a number" in checked.refused[0].reason


def test_a_missing_column_is_named_with_what_there_is() -> None:
    intake = ColumnIntake(CONTRACT, {"age": "AGE"}, text=False)

    with pytest.raises(BatchError, match=r"no column 'AGE'.*plan, region") as raised:
        intake.check_names(["visits", "plan", "region", "since"], "s3://bucket/a.parquet")

    assert raised.value.reason == "MissingColumn"


def test_a_column_for_no_field_is_refused() -> None:
    with pytest.raises(BatchError, match="agee: the model has no such field"):
        ColumnIntake(CONTRACT, {"agee": "AGE"}, text=False)
