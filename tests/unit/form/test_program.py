"""Row programs: dates, differences, tables, and what is malformed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest

from dohyo_form.contract import Contract, Field
from dohyo_form.errors import FormError
from dohyo_form.intake import Intake
from dohyo_form.profile import FeatureCounter, profile_from_json, profile_of, profile_to_json
from dohyo_form.program import RowProgram

CONTRACT = Contract(
    (
        Field("amount", "number", nullable=True),
        Field("plan", "category", nullable=True),
        Field("opened", "date", nullable=True),
        Field("closed", "date", nullable=True),
    )
)
STEPS: list[dict[str, Any]] = [
    {"op": "number", "field": "amount", "at": 0, "fill": 5, "shift": 1, "divide": 2},
    {"op": "missing", "field": "amount", "at": 1},
    {"op": "one-hot", "field": "plan", "at": [["a", 2], ["b", 3]], "other": 4, "missing": 3},
    {"op": "table", "field": "plan", "at": 5, "table": [["a", 0.5]], "other": 0.1, "fill": 0.2},
    {"op": "days", "from": "opened", "to": "closed", "at": 6, "fill": -1},
    {"op": "date", "field": "opened", "part": "month", "at": 7},
    {"op": "date", "field": "opened", "part": "days-since-1970", "at": 8, "fill": 0},
]
PROGRAM = RowProgram({"format": 1, "width": 9, "steps": STEPS}, CONTRACT)
RECORDS: list[dict[str, Any]] = [
    {"amount": 3.0, "plan": "a", "opened": "2026-03-01", "closed": "2026-03-02T12:00"},
    {"amount": None, "plan": None, "opened": None, "closed": "2026-03-02"},
    {"amount": 0.0, "plan": "z", "opened": "1970-01-02", "closed": None},
]
EXPECTED = [
    [1.0, 0.0, 1.0, 0.0, 0.0, 0.5, 1.5, 3.0, 20513.0],
    [2.0, 1.0, 0.0, 1.0, 0.0, 0.2, -1.0, np.nan, 0.0],
    [-0.5, 0.0, 0.0, 0.0, 1.0, 0.1, -1.0, 1.0, 1.0],
]


def test_rows_and_batches_give_the_same_numbers() -> None:
    rows = Intake(CONTRACT).records(RECORDS)
    np.testing.assert_array_equal(PROGRAM.rows(rows), EXPECTED)
    np.testing.assert_array_equal(PROGRAM.batch(rows), EXPECTED)
    many = rows * 40
    np.testing.assert_array_equal(PROGRAM.rows(many), EXPECTED * 40)
    assert not PROGRAM.takes_matrix


def test_numbers_alone_are_taken_as_a_matrix() -> None:
    contract = Contract((Field("a", "number", nullable=True), Field("b", "number", nullable=True)))
    steps = [
        {"op": "number", "field": "b", "at": 0, "shift": 1, "divide": 4},
        {"op": "number", "field": "a", "at": 1, "fill": 7},
        {"op": "missing", "field": "b", "at": 2},
    ]
    program = RowProgram({"format": 1, "width": 3, "steps": steps}, contract)
    assert program.takes_matrix
    matrix = np.array([[1.0, 2.0], [np.nan, np.nan]])
    rows = Intake(contract).records([{"a": 1.0, "b": 2.0}, {"a": None, "b": None}])
    np.testing.assert_array_equal(program.matrix(matrix), program.rows(rows))
    np.testing.assert_array_equal(program.rows(rows), [[0.25, 1.0, 0.0], [np.nan, 7.0, 1.0]])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"format": 9}, "format 9 is unknown"),
        ({"steps": [{"op": "wish", "at": 0}]}, "op 'wish' is unknown"),
        ({"steps": [{"op": "number", "field": "nobody", "at": 0}]}, "'nobody' is no field"),
        ({"steps": [{"op": "number", "at": 0}]}, "malformed: 'field'"),
        ({"steps": [{"op": "number", "field": "amount", "at": 0, "divide": 0}]}, "no divisor"),
        ({"steps": STEPS[:2]}, r"write columns \[0, 1\]…, not each of 0 to 8 once"),
        ({"steps": [*STEPS, STEPS[0]]}, "not each of 0 to 8 once"),
    ],
)
def test_a_malformed_program_is_told(document: dict[str, Any], words: str) -> None:
    with pytest.raises(FormError, match=words):
        RowProgram({"format": 1, "width": 9, "steps": STEPS, **document}, CONTRACT)


def test_live_counts_fall_into_the_bins_of_training() -> None:
    rows = Intake(CONTRACT).records(RECORDS * 10)
    profile = profile_of(rows, CONTRACT, np.linspace(0, 1, 30))
    counter = FeatureCounter(profile, CONTRACT)
    counter.add_rows(rows)
    for name, bins in profile.features.items():
        assert counter.by_name[name].take() == bins.counts, name
        assert sum(bins.counts) == 30
        assert len(bins.labels) == len(bins.counts)
        assert set(counter.by_name[name].take()) == {0}
    moved = (9e9, "new", datetime(2099, 1, 1), None)  # noqa: DTZ001
    counter.add_rows([moved])
    assert counter.by_name["amount"].take()[-2] == 1
    assert counter.by_name["plan"].take()[-2] == 1
    assert counter.by_name["closed"].take()[-1] == 1
    assert profile_from_json(profile_to_json(profile)) == profile


def test_a_matrix_is_counted_like_rows() -> None:
    contract = Contract((Field("a", "number", nullable=True),))
    rows: list[Any] = [(float(n),) for n in range(100)] + [(None,)]
    profile = profile_of(rows, contract)
    counter = FeatureCounter(profile, contract)
    counter.add_matrix(np.array([[np.nan if v is None else v] for (v,) in rows]))
    assert counter.by_name["a"].take() == profile.features["a"].counts


@pytest.mark.parametrize(
    ("bins", "words"),
    [
        ({"edges": [1, 2], "counts": [1]}, "1 counts, 4 are needed"),
        ({"edges": [2, 1], "counts": [1, 1, 1, 1]}, "counts, 4 are needed"),
        ({"edges": [1]}, "features.a is malformed"),
    ],
)
def test_a_malformed_profile_is_told(bins: dict[str, Any], words: str) -> None:
    with pytest.raises(FormError, match=words):
        profile_from_json({"format": 1, "features": {"a": bins}})
