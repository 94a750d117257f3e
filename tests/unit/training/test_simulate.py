"""The simulator's truth is consistent with what it shows."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dohyo_training.analyse.over_time import stability_index
from dohyo_training.simulate import DRIFT_PRODUCT, DRIFT_WEEK, PROPENSITY, Simulation, simulate

ROWS = 50_000


@pytest.fixture(scope="module", params=["randomised", "chosen"])
def drawn(request: pytest.FixtureRequest) -> Simulation:
    return simulate(ROWS, seed=7, treatment=request.param)


def test_the_same_seed_gives_the_same_tables() -> None:
    one, two, other = simulate(500, 1), simulate(500, 1), simulate(500, 2)
    pd.testing.assert_frame_equal(one.joined(), two.joined())
    pd.testing.assert_frame_equal(one.truth, two.truth)
    assert not one.surveys["satisfied"].equals(other.surveys["satisfied"])


def test_fifty_thousand_rows_take_less_than_a_second() -> None:
    began = time.process_time()
    simulate(ROWS)
    assert time.process_time() - began < 1.0


def test_calls_come_with_their_propensity(drawn: Simulation) -> None:
    truth, called = drawn.truth, drawn.surveys["courtesy_call"]
    assert truth["propensity"].between(*PROPENSITY).all()
    for _, rows in truth.groupby(pd.cut(truth["propensity"], np.linspace(0, 1, 11))):
        if len(rows) > 300:
            share, expected = called[rows.index].mean(), rows["propensity"].mean()
            error = np.sqrt(expected * (1 - expected) / len(rows))
            assert abs(share - expected) < 4.5 * error


def test_answers_come_with_their_probability(drawn: Simulation) -> None:
    truth, satisfied = drawn.truth, drawn.surveys["satisfied"]
    assert np.allclose(truth["effect"], truth["p1"] - truth["p0"])
    arm = np.where(drawn.surveys["courtesy_call"] == 1, truth["p1"], truth["p0"])
    assert np.array_equal(truth["probability"], arm)
    for _, rows in truth.groupby(pd.cut(truth["probability"], np.linspace(0, 1, 11))):
        if len(rows) > 300:
            expected = rows["probability"].mean()
            error = np.sqrt(expected * (1 - expected) / len(rows))
            assert abs(satisfied[rows.index].mean() - expected) < 4.5 * error
    assert 0.70 < roc_auc_score(satisfied, truth["probability"]) < 0.76


def test_a_choice_hides_the_effect_that_chance_shows() -> None:
    for treatment, fits in (("randomised", True), ("chosen", False)):
        drawn = simulate(ROWS, 7, treatment)  # type: ignore[arg-type]
        answers = drawn.surveys.groupby("courtesy_call")["satisfied"].agg(["mean", "var", "size"])
        naive = answers["mean"][1] - answers["mean"][0]
        error = float(np.sqrt((answers["var"] / answers["size"]).sum()))
        assert bool(abs(naive - drawn.truth["effect"].mean()) < 4 * error) is fits


def test_some_gain_and_some_lose_by_a_call() -> None:
    effect = simulate(ROWS, 7).truth["effect"]
    assert 0.05 < effect.mean() < 0.12
    assert 0.25 < (effect < 0).mean() < 0.45


def test_values_go_missing_in_three_ways() -> None:
    drawn = simulate(ROWS, 7)
    joined, truth = drawn.joined(), drawn.truth
    unknown = joined["response_hours"].isna()
    assert truth["response_hours"][unknown].min() > 12
    assert 0.25 < unknown[truth["response_hours"] > 12].mean() < 0.35
    usage = joined["usage_hours"].isna()
    assert set(joined["plan"][usage]) == {"free"}
    assert 0.22 < usage[joined["plan"] == "free"].mean() < 0.28
    assert 0.07 < drawn.customers["age"].isna().mean() < 0.09
    filled = ~unknown
    shown = joined["response_hours"][filled]
    assert np.array_equal(shown, truth["response_hours"][filled])


def test_drift_comes_in_week_forty_and_not_before() -> None:
    drawn = simulate(ROWS, 7)
    week, hours = drawn.truth["week"], np.log(drawn.truth["response_hours"])
    edges = np.quantile(hours[week < 20], np.linspace(0, 1, 11)[1:-1])

    def counts(rows: pd.Series) -> np.ndarray:
        return np.bincount(np.searchsorted(edges, hours[rows]), minlength=10).astype(float)

    before = counts(week < 20)
    assert stability_index(before, counts((week >= 20) & (week < DRIFT_WEEK))) < 0.01
    assert stability_index(before, counts(week >= DRIFT_WEEK)) > 0.15
    assert (drawn.truth["drifted"] == (week >= DRIFT_WEEK)).all()

    product = drawn.surveys["product"] == DRIFT_PRODUCT
    early = drawn.truth["p0"][product & (week < DRIFT_WEEK)].mean()
    late = drawn.truth["p0"][product & (week >= DRIFT_WEEK)].mean()
    assert early - late > 0.2


def test_the_shown_tables_hold_no_truth() -> None:
    drawn = simulate(300, 1)
    hidden = {"p0", "p1", "effect", "probability", "drifted"}
    assert hidden.isdisjoint(drawn.joined().columns)
    assert drawn.surveys["survey_date"].is_monotonic_increasing
