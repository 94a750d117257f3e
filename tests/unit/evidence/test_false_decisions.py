"""The tables of `python -m benchmarks.evidence` with fewer runs, and seeds that are the same."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evidence.deciders import Events, Weighted, decision_times
from benchmarks.evidence.rows import ALPHA, LIMIT, error, share
from benchmarks.evidence.shadow import quality, rates
from benchmarks.evidence.streams import constant
from benchmarks.evidence.tables import TABLES

# Enough that limits of three standard errors mean something, few enough for every change.
RUNS = {
    "false decisions": 150,
    "promotion": 40,
    "pods": 200,
    "slowness": 40,
    "harm": 200,
    "quality": 250,
    "dependence": 100,
    "bandit": 100,
    "drift": 500,
    "planning": 400,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_of_the_table_lies_within_its_limits(table: str) -> None:
    rows = TABLES[table](RUNS[table])
    assert not [str(row) for row in rows if not row.holds]


def test_the_ratio_test_turns_red_when_its_null_is_changed() -> None:
    at_the_null = constant("", 20_000, 0.1, 0.02, 0.03)
    honest = decision_times(at_the_null, Events(200, null=1.5), LIMIT, 7)
    wrong = decision_times(at_the_null, Events(200, null=1.0), LIMIT, 7)
    assert share(honest) <= ALPHA + 3 * error(ALPHA, 200)
    assert share(wrong) > 0.5


def test_the_weighted_test_turns_red_when_its_null_is_changed() -> None:
    at_the_null = constant("", 10_000, 0.5, 0.10, 0.15)
    honest = decision_times(at_the_null, Weighted(200, null=0.05), LIMIT, 7)
    wrong = decision_times(at_the_null, Weighted(200, null=0.0), LIMIT, 7)
    assert share(honest) <= ALPHA + 3 * error(ALPHA, 200)
    assert share(wrong) > 0.9


def test_the_paired_tests_turn_red_when_their_nulls_are_changed() -> None:
    limit = ALPHA + 3 * error(ALPHA, 200)
    assert share(quality(0.92, 8_000, 200, 7, null=0.02)) <= limit
    assert share(quality(0.92, 8_000, 200, 7, null=0.0)) > 0.9
    assert share(rates((0.02, 0.03), 1.5, 8_000, 200, 7)) <= limit
    assert share(rates((0.02, 0.03), 1.0, 8_000, 200, 7)) > 0.5


def test_a_decision_is_the_first_crossing() -> None:
    times = decision_times(constant("", 4_000, 0.5, 0.0, 1.0), Events(20), LIMIT, 1)
    assert np.isfinite(times).all()
    assert (times < 60).all()
