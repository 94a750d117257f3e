"""Whole rollouts with real e-processes: wrong ends are rare, right ones come in time."""

from __future__ import annotations

import pytest

from benchmarks.rollout_decisions import CASES, Case, simulated, tolerated

NULLS = [case for case in CASES if case.wrong]


@pytest.mark.parametrize("case", NULLS, ids=[c.name for c in NULLS])
def test_a_harmless_or_useless_challenger_is_rarely_judged_wrongly(case: Case) -> None:
    result = simulated(case, 60, seed=3)
    assert result.share(case.wrong) <= tolerated(60), result.outcomes


def test_a_challenger_that_is_worse_by_labels_alone_is_rolled_back() -> None:
    case = next(c for c in CASES if ".80" in c.name)
    result = simulated(case, 30, seed=3)
    assert result.outcomes == {"GateFailed": 30}
    assert result.quantile(0.99) < 10_000


def test_three_percent_of_errors_are_found_about_as_soon_as_the_test_alone_would() -> None:
    case = next(c for c in CASES if "1 -> 3" in c.name)
    result = simulated(case, 40, seed=3)
    assert result.outcomes == {"GateFailed": 40}
    assert 2859 * 0.65 <= result.quantile(0.5) <= 2859 * 1.35
