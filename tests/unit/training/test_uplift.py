"""A treatment's effect: measured under chance, ranked where people chose, refused beyond that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dohyo_training.assess import uplift
from dohyo_training.assess.treatment import Observed, assess_treatment, nuisances
from dohyo_training.complaint import Complaint
from dohyo_training.config.task import Treatment
from dohyo_training.simulate import simulate
from tests.harness.simulated import observed


def test_under_chance_the_interval_covers_the_truth() -> None:
    covered = 0
    for seed in range(200):
        simulation = simulate(1500, seed)
        rows = observed(simulation)
        found = uplift.difference_in_means(rows.outcome, rows.treated)
        covered += found.low <= simulation.truth["effect"].mean() <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_where_people_chose_the_robust_order_is_right_and_the_naive_one_is_not() -> None:
    right = {"doubly robust": 0, "naive": 0}
    seeds = 8
    for seed in range(seeds):
        simulation = simulate(12_000, seed, "chosen")
        rows = observed(simulation)
        trial = nuisances(rows, seed)
        effect_first, worst_first = trial.if_treated - trial.if_not, -trial.if_not
        truth = uplift.ranking_difference(
            simulation.truth["effect"].to_numpy(), effect_first, worst_first
        )
        robust = uplift.ranking_difference(uplift.effects_of_rows(trial), effect_first, worst_first)
        naive = uplift.qini_area_per_row(
            rows.outcome, rows.treated, effect_first
        ) - uplift.qini_area_per_row(rows.outcome, rows.treated, worst_first)
        right["doubly robust"] += np.sign(robust.value) == np.sign(truth.value)
        right["naive"] += np.sign(naive) == np.sign(truth.value)
    assert right["doubly robust"] >= 0.9 * seeds - 1
    assert right["naive"] <= seeds / 2


def test_under_chance_qini_is_shown_without_a_warning() -> None:
    treatment = Treatment(column="courtesy_call", randomised=True, propensity=0.5, value=20, cost=1)
    found = assess_treatment(observed(simulate(4000, 1), known=0.5), treatment, seed=1)
    assert (found.method, found.warning) == ("qini", "")
    assert set(found.qini) == {"effect first", "worst first"}
    assert found.value is not None
    assert found.value.value > 0


def test_a_chosen_treatment_gives_a_ranking_and_asks_for_chance() -> None:
    treatment = Treatment(column="courtesy_call")
    found = assess_treatment(observed(simulate(6000, 1, "chosen")), treatment, seed=1)
    assert found.method == "doubly-robust"
    assert found.propensity_auc > uplift.MOST_PROPENSITY_AUC
    assert not found.qini
    assert "rank policies, they prove no effect" in found.warning
    assert "random slice" in found.warning


def test_a_claim_of_chance_that_the_rows_deny_is_not_believed() -> None:
    treatment = Treatment(column="courtesy_call", randomised=True)
    found = assess_treatment(observed(simulate(6000, 1, "chosen")), treatment, seed=1)
    assert found.method == "doubly-robust"
    assert found.warning.startswith("the configuration says that chance assigned")


def test_without_twins_the_effect_is_refused() -> None:
    rows = observed(simulate(3000, 1))
    told = Observed(rows.x, rows.outcome, rows.x[:, 3] > 30, None, rows.risk)
    found = assess_treatment(told, Treatment(column="courtesy_call"), seed=1)
    assert (found.method, found.average) == ("refused", None)
    assert "nobody has a twin" in found.warning


def test_an_arm_without_rows_is_a_complaint() -> None:
    rows = observed(simulate(1000, 1))
    few = Observed(rows.x, rows.outcome, np.arange(1000) < 10, None, rows.risk)
    with pytest.raises(Complaint, match="10 rows in the smaller arm"):
        assess_treatment(few, Treatment(column="courtesy_call"), seed=1)


def test_the_qini_curve_is_radcliffes() -> None:
    outcome = np.array([1, 0, 1, 0, 1, 1.0])
    treated = np.array([True, False, True, True, False, False])
    score = np.array([6, 5, 4, 3, 2, 1.0])
    curve = uplift.qini_curve(outcome, treated, score)
    # Y_t - Y_c n_t / n_c after each row; nothing is subtracted while no control was seen.
    assert curve.gain.tolist() == pytest.approx([0, 1, 1, 2, 2, 2 - 1 * 3 / 2, 2 - 2 * 3 / 3])
    perfect = np.where(treated, 1.0, -1.0) * outcome
    assert uplift.qini_coefficient(outcome, treated, perfect) == pytest.approx(1.0)


def test_the_area_of_a_ranking_is_that_under_its_gains() -> None:
    chance = np.random.default_rng(9)
    effects, score = chance.normal(size=500), chance.normal(size=500)
    ordered = effects[np.argsort(-score)]
    gains = np.concatenate([[0.0], np.cumsum(ordered)]) / 500
    area = np.trapezoid(gains, dx=1 / 500) - gains[-1] / 2
    assert uplift.ranking_area(effects, score).value == pytest.approx(area)
    assert pd.Series(effects).mean() == pytest.approx(gains[-1])
