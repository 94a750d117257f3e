"""Intervals, value and slices, against other ways to the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame  # type: ignore[import-untyped]
from sklearn.metrics import recall_score, roc_auc_score

from dohyo_training.assess import intervals, scores, value
from dohyo_training.assess.curves import MOST_POINTS, answers, calibration
from dohyo_training.assess.slices import by_slice, fairness
from dohyo_training.assess.stage import rule_holds
from dohyo_training.assess.value import CellValues
from dohyo_training.build.metrics import value_of_rows
from dohyo_training.build.problem import Problem
from tests.unit.training.written import config

CALL = CellValues(-5.0, -5.0, -20.0, 0.0)


def scored(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    positive = chance.random(rows) < 0.4
    one = positive + chance.normal(size=rows)
    return positive, one, one + chance.normal(size=rows)


def test_delong_has_the_area_of_scikit_learn_and_the_error_of_the_bootstrap() -> None:
    positive, one, other = scored(1, 600)
    found = intervals.auc_difference(positive, one, other)
    assert found.value == pytest.approx(
        roc_auc_score(positive, one) - roc_auc_score(positive, other)
    )
    drawn = intervals.by_bootstrap(
        lambda rows: float(
            roc_auc_score(positive[rows], one[rows]) - roc_auc_score(positive[rows], other[rows])
        ),
        600,
        seed=1,
        draws=300,
    )
    assert found.high - found.low == pytest.approx(drawn.high - drawn.low, rel=0.15)


def test_intervals_of_a_mean_cover_it_nineteen_times_in_twenty() -> None:
    chance = np.random.default_rng(2)
    covered = 0
    for _ in range(600):
        # Customers come again: ten rows each say the same.
        customers = np.repeat(np.arange(40), 5)
        rows = chance.normal(size=40)[customers] + chance.normal(size=200) * 0.3
        found = intervals.mean_of_rows(rows, customers)
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / 600 <= 0.98


def test_a_share_of_all_rows_is_not_certain() -> None:
    found = intervals.share_of_rows(np.ones(36))
    assert (found.value, found.high) == (1.0, 1.0)
    # Of 36 right ones, Wilson's lower bound by the formula for p = 1: n / (n + z squared).
    assert found.low == pytest.approx(36 / (36 + 1.959964**2), abs=1e-6)
    chance = np.random.default_rng(10)
    covered = {"rows": 0, "customers": 0}
    for _ in range(600):
        rows = chance.random(60) < 0.95
        customers = np.repeat(np.arange(40), 5)
        alike = np.repeat(chance.random(40) < 0.9, 5)
        by_row = intervals.share_of_rows(rows.astype(float))
        by_customer = intervals.share_of_rows(alike.astype(float), customers)
        covered["rows"] += by_row.low <= 0.95 <= by_row.high
        covered["customers"] += by_customer.low <= 0.9 <= by_customer.high
    assert all(0.92 <= count / 600 <= 0.99 for count in covered.values())


def test_a_loss_is_not_below_zero_and_no_error_is_no_certainty() -> None:
    right = np.arange(30) % 2
    rows = Problem("binary", pd.DataFrame(index=range(30)), right, (0, 1))
    sure = np.column_stack([1 - right, right]).astype(float) * 0.98 + 0.01
    sure[0] = [0.6, 0.4]
    loss = scores.estimate("log_loss", rows, sure)
    assert loss.low == 0.0 < loss.value
    assert scores.estimate("roc_auc", rows, sure).method.endswith("it may be off by more")


def test_folds_that_share_rows_have_a_wider_interval_than_independent_ones() -> None:
    differences = np.array([0.01, 0.012, 0.008, 0.011, 0.009])
    found = intervals.over_folds(differences, np.full(5, 800), np.full(5, 200))
    alone = intervals.mean_of_rows(differences)
    assert (found.high - found.low) / (alone.high - alone.low) == pytest.approx(1.5)


def test_the_profit_curve_is_what_acting_from_each_threshold_on_gives() -> None:
    positive, one, _ = scored(3, 200)
    probability = np.round(1 / (1 + np.exp(-one)), 2)
    curve = value.profit_curve(CALL, positive, probability)
    for threshold, mean in zip(curve.thresholds, curve.values, strict=True):
        acted = value.of_decisions(CALL, positive, probability >= threshold)
        assert mean == pytest.approx(acted.mean())
    best = value.best_threshold(CALL, positive, probability)
    assert value.of_decisions(CALL, positive, probability >= best).mean() == pytest.approx(
        max(curve.values.tolist())  # noqa: PD011
    )


def test_the_best_threshold_of_calibrated_probabilities_is_elkans() -> None:
    assert value.theoretical_threshold(CALL) == 0.25
    chance = np.random.default_rng(4)
    probability = chance.random(200_000)
    positive = chance.random(200_000) < probability
    assert value.best_threshold(CALL, positive, probability) == pytest.approx(0.25, abs=0.03)
    acted = value.expected_gain_of_acting(CALL, probability) > 0
    assert np.array_equal(acted, probability > 0.25)


def test_a_cost_column_makes_the_decision_row_by_row() -> None:
    worth = np.array([1.0, 100.0])
    cells = CellValues(-5.0, -5.0, -worth, 0.0)
    assert value.theoretical_threshold(cells) is None
    assert (value.expected_gain_of_acting(cells, np.array([0.5, 0.5])) > 0).tolist() == [
        False,
        True,
    ]


def test_worth_is_paired_with_every_alternative() -> None:
    positive, one, other = scored(5, 2000)
    found = value.worth(CALL, positive, one > 0.3, {"champion": other > 0.3})
    assert set(found.against) == {"nothing", "all", "champion"}
    nothing = value.of_decisions(CALL, positive, np.zeros(2000, bool)).mean()
    assert found.against["nothing"].value == pytest.approx(found.own.value - nothing)
    same = value.worth(CALL, positive, one > 0.3, {"champion": one > 0.3}).against["champion"]
    assert same.value == same.low == same.high == 0


def test_a_number_is_compared_with_the_best_single_one_and_a_class_with_the_shares() -> None:
    chance = np.random.default_rng(8)
    amounts = chance.gamma(2.0, 30.0, 4000)
    rows = pd.DataFrame(index=range(4000))
    number = Problem("regression", rows, amounts, (), costs=(2.0, 1.0))
    best = scores.one_answer(number, 4000)
    assert len(set(best)) == 1
    own = scores.estimate("value", number, best).value
    # No other number for all rows costs less.
    for other in np.quantile(amounts, np.linspace(0.05, 0.95, 19)):
        assert scores.estimate("value", number, np.full(4000, other)).value <= own + 1e-3
    grades = chance.choice(3, 4000, p=[0.5, 0.3, 0.2])
    matrix = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-9.0, 0.0, 5.0]])
    classes = Problem("multiclass", rows, grades, ("a", "b", "c"), matrix=matrix)
    shares = scores.one_answer(classes, 3)
    assert shares[0] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    # Not the commonest class but the one that is worth most on the whole.
    assert set(value_of_rows(classes, scores.one_answer(classes, 4000))) == {-1.0, 0.0, 5.0}


@pytest.mark.parametrize(
    ("rule", "acts"),
    [
        ("column: hours, at_least: 12", [False, True, True, False]),
        ("column: hours, at_least: 12, at_most: 20", [False, True, False, False]),
        ("column: plan, equals: pro", [True, False, True, False]),
    ],
)
def test_a_baseline_rule_acts_where_it_holds_and_never_on_a_missing_value(
    rule: str, acts: list[bool]
) -> None:
    run = config(
        "[{name: orders, kind: csv, path: orders.csv}]",
        more=f"value: {{true_positive: 1, baseline: {{{rule}}}}}\n",
    )
    rows = pd.DataFrame(
        {"hours": [3.0, 12.0, 30.0, np.nan], "plan": pd.array(["pro", "free", "pro", None], "str")}
    )
    assert rule_holds(run, rows).tolist() == acts


def test_answers_stand_beside_their_outcomes() -> None:
    chance = np.random.default_rng(11)
    outcome = chance.normal(size=1000)
    found = answers(outcome, 2 * outcome)
    assert len(found.x) == MOST_POINTS
    assert found.x == pytest.approx(2 * found.y)
    assert (found.x[0], found.x[-1]) == (2 * outcome.min(), 2 * outcome.max())


def test_lift_says_how_much_richer_the_top_is() -> None:
    positive = np.arange(100) < 20
    curve = value.gain_curve(positive, -np.arange(100.0))
    assert curve.lift_at(0.1) == pytest.approx(5.0)
    assert curve.lift_at(1.0) == pytest.approx(1.0)


def test_fairness_agrees_with_fairlearn() -> None:
    positive, one, _ = scored(6, 900)
    group = pd.Series(np.random.default_rng(6).choice(["a", "b", "c"], 900), name="region")
    found = fairness(group, positive, one > 0.5)
    assert found is not None
    frame = MetricFrame(
        metrics=recall_score, y_true=positive, y_pred=one > 0.5, sensitive_features=group
    )
    by_group = {share.group: share.recall for share in found.groups}
    assert by_group == pytest.approx(frame.by_group.to_dict())
    assert found.recall_gap == pytest.approx(frame.difference())


def test_a_slice_that_errs_more_stands_first() -> None:
    chance = np.random.default_rng(7)
    product = pd.Series(chance.choice(["P01", "P02", "P03"], 3000))
    loss = chance.exponential(1.0, 3000) + (product == "P03") * 0.5
    found = by_slice(pd.DataFrame({"product": product}), loss.to_numpy())
    assert (found[0].column, found[0].level) == ("product", "P03")
    assert found[0].against_rest.low > 0


def test_calibration_error_is_that_of_the_bins() -> None:
    chance = np.random.default_rng(8)
    p = chance.random(20_000)
    honest = calibration(chance.random(20_000) < p, p)
    boastful = calibration(chance.random(20_000) < 0.5 + (p - 0.5) / 2, p)
    assert honest.error < 0.02
    assert boastful.error == pytest.approx(0.125, abs=0.02)
