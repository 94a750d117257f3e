"""Shares by Thompson sampling: the probability of being the best, a floor, and whose scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dohyo.contract.trials import GatePlan, TrialPlan
from dohyo_evidence.allocation import best_probabilities, thompson
from dohyo_evidence.observations import ScoreUnit
from dohyo_evidence.reports import allocation
from dohyo_evidence.trial_state import TrialState

EVEN = (5_000, 5_000)


def test_a_share_is_the_probability_of_being_the_best() -> None:
    counts, sums = np.array([400.0, 300.0, 200.0]), np.array([120.0, 99.0, 70.0])
    random = np.random.default_rng(5)
    mean = (sums + 1) / (counts + 2)
    error = np.sqrt(mean * (1 - mean) / (counts + 2))
    drawn = (mean + error * random.standard_normal((40_000, 3))).argmax(axis=1)
    found = best_probabilities(counts, sums, sums)
    assert found == pytest.approx(np.bincount(drawn) / 40_000, abs=0.02)


def test_nobody_gets_less_than_the_floor_and_nobody_is_forgotten() -> None:
    counts, sums = np.array([5_000.0, 5_000.0, 0.0]), np.array([4_500.0, 500.0, 0.0])
    shares = thompson(counts, sums, sums, 0.10)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[1] == pytest.approx(0.10)
    assert min(shares) >= 0.10 - 1e-12
    assert thompson(counts, sums, sums, 0.9) == pytest.approx([1 / 3] * 3)


def trial(challenger: str, lost: float, units: int = 400) -> TrialState:
    """A trial in which the champion is wrong three times in ten, and the challenger so often."""
    gate = GatePlan("quality", "loss", loss="zero-one", pass_effect=0.0, pass_threshold=20.0)
    names = ("shop", "model", f"t-{challenger}", "v1", challenger, "s", "entity", 0.0)
    plan = TrialPlan(*names, gates=(gate,), bandit_floor=0.1, bandit_gate="quality")
    state, random = TrialState(plan), np.random.default_rng(6)
    found = []
    for arm, u in zip((random.random(units) < 0.5).tolist(), random.random(units), strict=True):
        found.append(ScoreUnit(arm, EVEN, 1, 1, {"quality": float(u < (lost if arm else 0.3))}))
    state.fold_scores(found)
    return state


def test_who_loses_less_gets_more() -> None:
    shares = allocation([trial("v2", 0.1), trial("v3", 0.6)])
    assert shares is not None
    assert shares.keys() == {"v1", "v2", "v3"}
    assert shares["v2"] > 0.75
    assert shares["v1"] == pytest.approx(0.1, abs=0.01)
    assert shares["v3"] == pytest.approx(0.1, abs=1e-6)


def test_nothing_is_proposed_before_all_are_scored_or_where_nobody_asks() -> None:
    known, unknown = trial("v2", 0.1), trial("v3", 0.6, units=0)
    assert allocation([known, unknown]) is None
    ended = TrialState(replace(unknown.plan, ended=5.0), unknown.to_state())
    assert allocation([known, ended]) is not None
    by_steps = TrialState(replace(known.plan, bandit_floor=None), known.to_state())
    assert allocation([by_steps]) is None
