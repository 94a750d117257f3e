"""Whole columns give the bits that rows do, to the model and to the counts of drift."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dohyo_form.columns import Coded, ColumnProgram
from dohyo_form.contract import Contract, Field
from dohyo_form.profile import FeatureCounter, profile_of
from dohyo_form.program import RowProgram
from tests.unit.form.test_program import STEPS

CONTRACT = Contract(
    (
        Field("amount", "number", nullable=True),
        Field("plan", "category", nullable=True),
        Field("opened", "date", nullable=True),
        Field("closed", "date", nullable=True),
        Field("other", "number", nullable=True),
    )
)
ARITHMETIC: list[dict[str, Any]] = [
    {"op": "ratio", "fields": ["amount", "other"], "at": 9, "fill": 7},
    {"op": "difference", "fields": ["amount", "other"], "at": 10, "shift": 3, "divide": 0.7},
    {"op": "product", "fields": ["other", "amount"], "at": 11, "fill": 0},
    {"op": "log1p", "fields": ["amount"], "at": 12, "fill": -1},
    {"op": "missing", "of": {"op": "ratio", "fields": ["amount", "other"]}, "at": 13},
    {"op": "missing", "field": "plan", "at": 14},
    {"op": "one-hot", "field": "other", "at": [[0.0, 15], [1.0, 16]], "missing": 17},
]
DOCUMENT = {"format": 1, "width": 18, "steps": [*STEPS, *ARITHMETIC]}
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, -1.0]))
DATES = st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
ROWS = st.lists(
    st.tuples(NUMBERS, st.sampled_from([None, "a", "b", "z"]), DATES, DATES, NUMBERS),
    min_size=1,
    max_size=40,
)


def columns_of(rows: list[tuple[Any, ...]]) -> list[Any]:
    columns: list[Any] = []
    for field, values in zip(CONTRACT.fields, zip(*rows, strict=True), strict=True):
        if field.kind == "number":
            columns.append(np.array([np.nan if v is None else v for v in values], dtype=float))
            continue
        known = sorted({v for v in values if v is not None})
        codes = [-1 if v is None else known.index(v) for v in values]
        columns.append(Coded(known, np.array(codes, dtype=np.int64)))
    return columns


@settings(deadline=None)
@given(ROWS)
def test_columns_give_the_bits_of_rows(rows: list[tuple[Any, ...]]) -> None:
    expected = RowProgram(DOCUMENT, CONTRACT).batch(rows)

    found = ColumnProgram(DOCUMENT, CONTRACT).inputs(columns_of(rows))

    np.testing.assert_array_equal(found.view(np.int64), expected.view(np.int64))


UNKNOWN = [(None, None, None, None, None)]
KNOWN = [(1.5, "a", datetime(2026, 1, 1), None, float("nan"))]  # noqa: DTZ001


@settings(deadline=None)
@given(ROWS, ROWS)
@example(UNKNOWN, KNOWN)  # what training never saw comes after all
def test_columns_are_counted_like_rows(
    learned: list[tuple[Any, ...]], seen: list[tuple[Any, ...]]
) -> None:
    profile = profile_of(learned, CONTRACT)
    by_row, by_column = FeatureCounter(profile, CONTRACT), FeatureCounter(profile, CONTRACT)

    by_row.add_rows(seen)
    by_column.add_columns(columns_of(seen))

    for name, counter in by_row.by_name.items():
        assert by_column.by_name[name].take() == counter.take(), name
