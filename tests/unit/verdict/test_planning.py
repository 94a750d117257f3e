"""Forecasts against published medians, and against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.verdict import planning
from dohyo_evidence.sequential import stakes


@pytest.mark.parametrize(
    ("margin", "share", "median"),
    [
        (1.25, 0.1, 1162),
        (1.5, 0.1, 347),
        (2.0, 0.1, 100),
        (1.25, 0.5, 477),
        (1.5, 0.5, 167),
        (2.0, 0.5, 51),
    ],
)
def test_events_until_not_worse(margin: float, share: float, median: int) -> None:
    """Simulated medians for two versions alike, at an e-value of 20."""
    assert planning.events_until_ratio(1.0, margin, share, 20) == pytest.approx(median, rel=0.25)


@given(st.floats(1.05, 3), st.floats(0.01, 0.9), st.floats(2, 1000))
def test_a_farther_null_a_lower_threshold_and_a_fairer_split_need_less(
    null: float, share: float, threshold: float
) -> None:
    needed = planning.events_until_ratio(1.0, null, share, threshold)
    assert planning.events_until_ratio(1.0, null + 0.5, share, threshold) < needed
    assert planning.events_until_ratio(1.0, null, share, threshold + 1) > needed
    units = planning.units_until_effect(0.02, 0.0, 0.09, share, threshold)
    assert planning.units_until_effect(0.02, 0.0, 0.09, 0.5, threshold) <= units


def test_plans_agree_with_each_other_and_know_never() -> None:
    assert planning.events_until_ratio(1.0, 1.0, 0.1, 20.0) == math.inf
    assert planning.units_until_effect(0.0, 0.0, 0.1, 0.5, 20.0) == math.inf
    tenth = planning.units_until_effect(0.02, 0.0, 0.08, 0.1, 20.0)
    half = planning.units_until_effect(0.02, 0.0, 0.08, 0.5, 20.0)
    assert planning.pairs_until_effect(0.02, 0.0, 0.08, 20.0) < half < tenth


def test_the_forecast_stakes_what_the_evidence_service_stakes() -> None:
    assert planning.BOLDEST == stakes.BOLDEST
