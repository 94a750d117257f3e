"""Forecasts against published medians, and against the evidence service's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.verdict import planning
from dohyo_evidence.sequential import planning as service


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


@given(st.floats(1.05, 3), st.floats(0.01, 0.9), st.floats(2, 1000), st.floats(0.001, 0.2))
def test_operator_and_service_forecast_alike(
    null: float, share: float, threshold: float, effect: float
) -> None:
    assert planning.events_until_ratio(1.0, null, share, threshold) == pytest.approx(
        service.events_until_ratio(1.0, null, share, threshold)
    )
    assert planning.units_until_effect(effect, 0.0, 0.09, share, threshold) == pytest.approx(
        service.units_until_effect(effect, 0.0, 0.09, share, threshold)
    )
    assert planning.pairs_until_effect(effect, 0.0, 0.3, threshold) == pytest.approx(
        service.pairs_until_effect(effect, 0.0, 0.3, threshold)
    )
