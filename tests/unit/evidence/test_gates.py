"""Gates over settled units: what they fail and pass by, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dohyo.contract.evidence import GUARD_VIOLATED, STATE_ERROR, STATE_NO_DATA
from dohyo.contract.trials import (
    MISSING_EXCLUDE,
    MISSING_WORST,
    GatePlan,
    LabelPlan,
    TrialPlan,
)
from dohyo_evidence.drift import distance, spent
from dohyo_evidence.losses import LossError, agree, costs_by_place, loss
from dohyo_evidence.observations import RateUnit, ScoreUnit
from dohyo_evidence.rate_gates import RateGate
from dohyo_evidence.score_gates import FREEZING_UNITS, ScoreGate
from dohyo_evidence.trial_book import PlanConflictError, merged_plan
from dohyo_evidence.trial_state import TrialState
from tests.unit.evidence.worlds import split

EVEN = (5_000, 5_000)
CHAMPION = False


def rate_units(champion: float, challenger: float, count: int, seed: int = 1) -> list[RateUnit]:
    random = np.random.default_rng(seed)
    arms = random.random(count) < 0.5
    hits = random.random(count) < np.where(arms, challenger, champion)
    pairs = zip(arms.tolist(), hits.tolist(), strict=True)
    return [RateUnit(arm, EVEN, {"gate": (hit,)}) for arm, hit in pairs]


def score_units(champion: float, challenger: float, count: int) -> list[ScoreUnit]:
    """Units with losses of 0 and 1."""
    random = np.random.default_rng(2)
    arms = random.random(count) < 0.5
    lost = (random.random(count) < np.where(arms, challenger, champion)).astype(float)
    pairs = zip(arms.tolist(), lost.tolist(), strict=True)
    return [ScoreUnit(arm, EVEN, 1, 1, {"gate": value}) for arm, value in pairs]


@pytest.mark.parametrize(
    ("nulls", "failed", "passed"),
    [
        ({"harm_ratio": 1.5}, True, False),
        ({"harm_ratio": 6.0}, False, False),
        ({"harm_ratio": 1.5, "min_excess": 0.05}, True, False),
        ({"harm_ratio": 1.5, "min_excess": 0.30}, False, False),
        ({"max_absolute": 0.10}, True, False),
        ({"max_absolute": 0.40}, False, False),
        ({"margin_ratio": 20.0}, False, True),
        ({"margin_ratio": 2.0}, False, False),
        ({"margin_absolute": 0.40}, False, True),
        ({"margin_absolute": 0.10}, False, False),
    ],
)
def test_each_null_of_a_rate_decides_by_itself(
    nulls: dict[str, float], failed: bool, passed: bool
) -> None:
    thresholds = {"harm_threshold": 20.0, "pass_threshold": 20.0, "cap_threshold": 20.0}
    gate = RateGate(GatePlan("gate", "error-rate", **nulls, **thresholds))  # type: ignore[arg-type]
    gate.fold(rate_units(0.05, 0.20, 3_000))
    report = gate.report()
    assert (report.failed, report.passed) == (failed, passed), report.message
    again = RateGate(gate.plan, gate.to_state())
    assert again.report() == report


@pytest.mark.parametrize(
    ("harm", "needed", "failed", "passed"),
    [(0.0, 0.0, False, True), (0.0, 0.25, False, False)],
)
def test_a_better_score_passes_unless_more_is_asked_for(
    harm: float, needed: float, failed: bool, passed: bool
) -> None:
    plan = GatePlan(
        "gate",
        "loss",
        loss="zero-one",
        harm_effect=harm,
        pass_effect=needed,
        harm_threshold=20.0,
        pass_threshold=20.0,
    )
    gate = ScoreGate(plan, pairs_decide=False)
    gate.fold(score_units(0.35, 0.20, 3_000))
    report = gate.report()
    assert (report.failed, report.passed) == (failed, passed), report.message
    assert report.effect is not None
    assert report.effect.lower is not None
    assert report.effect.lower < 0.15 < (report.effect.upper or 1.0)
    assert ScoreGate(plan, pairs_decide=False, state=gate.to_state()).report() == report


def test_a_worse_score_fails_unless_so_much_harm_is_allowed() -> None:
    for allowed, failed in ((0.0, True), (0.25, False)):
        plan = GatePlan("gate", "loss", loss="zero-one", harm_effect=allowed, harm_threshold=20.0)
        gate = ScoreGate(plan, pairs_decide=False)
        gate.fold(score_units(0.20, 0.35, 3_000))
        assert gate.report().failed is failed


@pytest.mark.parametrize("cap", [None, 8.0])
def test_a_margin_wider_than_the_score_itself_is_an_error_that_says_so(cap: float | None) -> None:
    nulls: dict[str, Any] = {"pass_effect": -9.0, "harm_effect": 9.0, "pass_threshold": 20.0}
    gate = ScoreGate(GatePlan("gate", "reward", cap=cap, **nulls), pairs_decide=True)
    gate.fold([ScoreUnit(CHAMPION, EVEN, 1, 1, {"gate": float(i % 9)}) for i in range(300)])
    report = ScoreGate(gate.plan, pairs_decide=True, state=gate.to_state()).report()
    assert (report.state, report.passed, report.failed) == (STATE_ERROR, False, False)
    assert "no effect can be as large where reward lies between 0 and 8" in report.message


def test_limits_are_frozen_by_units_that_are_no_evidence() -> None:
    gate = ScoreGate(GatePlan("gate", "reward", pass_effect=0.0), pairs_decide=False)
    gate.fold([ScoreUnit(CHAMPION, EVEN, 1, 1, {"gate": float(i)}) for i in range(150)])
    assert gate.report().state == STATE_NO_DATA
    assert "150 seen" in gate.report().message
    gate.fold([ScoreUnit(CHAMPION, EVEN, 1, 1, {"gate": float(i)}) for i in range(150)])
    assert gate.limits is not None
    assert gate.report().champion.units == 300 - FREEZING_UNITS


def test_one_reward_beyond_the_limits_counts_as_the_limit() -> None:
    gate = ScoreGate(
        GatePlan("gate", "reward", pass_effect=0.0, pass_threshold=20.0), pairs_decide=False
    )
    usual = [ScoreUnit(bool(i % 2), EVEN, 1, 1, {"gate": float(i // 2 % 10)}) for i in range(800)]
    gate.fold(usual)
    assert gate.limits == (0.0, 9.0)
    before = gate.report().challenger.mean
    gate.fold([ScoreUnit(not CHAMPION, EVEN, 1, 1, {"gate": 1e9})])
    report = gate.report()
    assert gate.clipped == 1
    assert report.challenger.mean == pytest.approx(before, abs=0.05)
    assert not report.passed


def test_a_missing_label_counts_for_nothing_or_as_the_worst() -> None:
    """The challenger is always right, where anybody says so: of two in three nobody does."""

    def happens(challenger: bool, random: np.random.Generator) -> dict[str, Any]:
        told = not challenger or random.random() < 1 / 3
        label = float(challenger or random.random() < 0.8) if told else None
        return {"numbers": "1.0", "outcome": {"label": label, "reward": None}}

    gate = GatePlan(
        "gate", "loss", loss="zero-one", pass_effect=0.0, harm_effect=0.0,
        pass_threshold=20.0, harm_threshold=20.0,
    )  # fmt: skip
    found = {}
    for missing in (MISSING_EXCLUDE, MISSING_WORST):
        labels = LabelPlan(missing=missing)
        plan = TrialPlan("n", "d", "t", "a", "b", "s", "entity", 0.0, gates=(gate,), labels=labels)
        state = split(happens)(plan, 1_500, np.random.default_rng(4))
        found[missing] = state.scores[0].report()
        # Whatever it counts as: labels that come for one version rather than the other decide
        # nothing.
        assert state.guard().state == GUARD_VIOLATED
        assert "labels arrive alike in both arms" in state.guard().message
    assert (found[MISSING_EXCLUDE].passed, found[MISSING_EXCLUDE].failed) == (True, False)
    assert (found[MISSING_WORST].passed, found[MISSING_WORST].failed) == (False, True)
    assert found[MISSING_WORST].challenger.mean == pytest.approx(2 / 3, abs=0.05)


def test_losses() -> None:
    def gate(kind: str, **more: object) -> GatePlan:
        return GatePlan("gate", "loss", loss=kind, **more)  # type: ignore[arg-type]

    assert loss(gate("zero-one"), (0.2, 0.8), 1.0) == 0.0
    assert loss(gate("zero-one"), (0.4,), 1.0) == 1.0
    assert loss(gate("log"), (0.25, 0.75), 1.0) == pytest.approx(-np.log(0.75))
    assert loss(gate("brier"), (0.25, 0.75), 1.0) == pytest.approx(0.0625)
    assert loss(gate("squared"), (3.0,), 1.0) == 4.0
    costs = {"1": {"0": 5.0}, "0": {"1": 1.0}}
    assert loss(gate("cost", costs=costs), (0.9, 0.1), 1.0) == 5.0
    assert loss(gate("cost", costs=costs), (0.1, 0.9), 1.0) == 0.0
    with pytest.raises(LossError, match="none of 2 classes"):
        loss(gate("log"), (0.25, 0.75), 2.0)
    named = {"yes": {"no": 5.0}, "no": {"yes": 1.0}}
    assert costs_by_place(named, ("no", "yes")) == {"1": {"0": 5.0}, "0": {"1": 1.0}}
    # Of classes that are called 1 and 0, in this order, the first is 1.
    assert costs_by_place(costs, ("1", "0")) == {"0": {"1": 5.0}, "1": {"0": 1.0}}
    assert costs_by_place(costs, ("no", "yes")) == costs
    assert costs_by_place(costs, ()) == costs
    with pytest.raises(LossError, match="costs know no label 7"):
        loss(gate("cost", costs=costs), (0.9, 0.1), 7.0)
    assert agree((0.2, 0.8), (0.4, 0.6))
    assert not agree((0.2, 0.8), (0.6, 0.4))
    assert agree((100.0,), (100.5,))


def test_drift_is_not_tested_on_too_little_and_spends_no_more_than_it_has() -> None:
    assert distance((10,) * 10, (1_000,) * 10) is None
    assert sum(spent(0.01, n) for n in range(1, 10_000)) <= 0.01
    moved = distance((300, *(78,) * 9, 0), (1_000,) * 10 + (0,))
    assert moved is not None
    assert moved.psi > 0.2
    assert moved.p < 1e-6


def test_a_later_plan_may_add_epochs_and_nothing_else() -> None:
    first = TrialPlan("shop", "model", "t1", "a", "b", "s", "entity", 1.0)
    assert merged_plan(first, first) == first
    with pytest.raises(PlanConflictError, match=r"^challenger: "):
        merged_plan(first, TrialPlan("shop", "model", "t1", "a", "c", "s", "entity", 1.0))


def test_versions_that_record_nothing_break_no_comparison() -> None:
    """Only their bad answers are known, and all of those may be the challenger's."""
    gate = GatePlan("gate", "error-rate", harm_ratio=1.5, harm_threshold=20.0)
    plan = TrialPlan("n", "d", "t", "a", "b", "s", "entity", 0.0, gates=(gate,))
    for recorded in (False, True):
        trial = TrialState(plan, {})
        trial.fold_rates([RateUnit(not CHAMPION, EVEN, {"gate": (True,)})] * 200, recorded=recorded)
        assert (trial.guard().state == GUARD_VIOLATED) == recorded
