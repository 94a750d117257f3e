"""Many algorithms on the same folds, within a budget that no clock decides."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest

from dohyo_training.assess.intervals import over_folds
from dohyo_training.build.backend import workers
from dohyo_training.build.calibration import Calibrator, calibrate
from dohyo_training.build.leaderboard import leaderboard
from dohyo_training.build.metrics import MEASURES
from dohyo_training.build.recipe import recipe_of
from dohyo_training.build.search import search, within_budget
from dohyo_training.build.stage import build
from dohyo_training.build.trial import Candidate, Trial
from dohyo_training.complaint import Complaint
from dohyo_training.record import model_record
from tests.unit.training.searching import Notes, config, material, told

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = [
    {"name": "linear", "grid": {"C": [1.0, 0.1]}},
    {"name": "tree", "grid": {"max_depth": [2, 4]}},
    {"name": "hist-boosting", "grid": {"max_iter": [30], "max_leaf_nodes": [7]}},
    "blend",
]


@pytest.mark.parametrize("classes", [2, 3, 0])
def test_every_kind_of_outcome_gets_a_leaderboard_and_a_model(classes: int) -> None:
    asked = config(models=QUICK)
    given = material(asked, classes=classes)
    built = build(asked, given, progress=told, memory=Notes())
    names = [entry.name for entry in built.leaderboard.entries]
    assert {"linear", "tree", "hist-boosting", "dummy"} <= set(names)
    assert names[-1] == "dummy"
    assert built.leaderboard.chosen.name != "dummy"
    output = built.model.output(given.problem.rows, given.problem)
    assert output.shape == ((len(given.problem), classes) if classes else (len(given.problem),))
    if classes:
        assert np.allclose(output.sum(axis=1), 1)
    # The members of a blend are no worse together than the best of them alone.
    if "blend" in names:
        metric = MEASURES[built.leaderboard.metric]
        by_name = {e.name: metric.sign * e.scores[metric.name] for e in built.leaderboard.entries}
        members = next(e for e in built.leaderboard.entries if e.name == "blend").parameters
        assert by_name["blend"] > max(by_name[name] for name in members) - 0.02


def test_a_search_is_the_same_every_time() -> None:
    asked = config(models=QUICK)
    one, two = (search(asked, material(asked), progress=told, memory=Notes()) for _ in range(2))
    assert [t.candidate for t in one.trials] == [t.candidate for t in two.trials]
    assert all(
        np.array_equal(a.output, b.output) for a, b in zip(one.trials, two.trials, strict=True)
    )


def test_more_cores_find_the_same() -> None:
    one, two = config(models=QUICK[1:2]), config(models=QUICK[1:2], search={"jobs": 2})
    alone = search(one, material(one), progress=told, memory=Notes())
    together = search(two, material(two), progress=told, memory=Notes())
    assert all(
        np.array_equal(a.output, b.output)
        for a, b in zip(alone.trials, together.trials, strict=True)
    )


@pytest.mark.parametrize(
    ("planned", "jobs", "here"), [(5.0, -1, True), (5000.0, -1, False), (5.0, 2, False)]
)
def test_little_work_starts_no_worker_that_was_not_asked_for(
    planned: float, jobs: int, *, here: bool
) -> None:
    with workers(config(search={"jobs": jobs}).search, planned) as pool:
        processes = set(pool(joblib.delayed(os.getpid)() for _ in range(2)))
    assert (os.getpid() in processes) == (here or (jobs < 0 and joblib.cpu_count() == 1))


def test_a_budget_admits_the_most_promising_of_each_family_first() -> None:
    asked = config(search={"budget_cpu_seconds": 5.0, "jobs": 1})
    admitted, left_out, planned = within_budget(asked, material(asked), "grid")
    assert planned <= 5.0
    assert left_out
    families = {candidate.family for candidate in admitted}
    assert {"linear", "tree", "hist-boosting", "xgboost"} <= families
    again, _, _ = within_budget(asked, material(asked), "grid")
    assert again == admitted


@pytest.mark.parametrize(
    ("grid", "complaint"),
    [
        ({"n_estimators": ["many"]}, "xgboost with n_estimators='many' is no amount of work"),
        ({"max_depth": ["deep"]}, r"XGBClassifier\(.*max_depth='deep'.*\) cannot be fitted"),
    ],
)
def test_a_value_that_no_fit_takes_is_a_sentence(
    grid: dict[str, list[str]], complaint: str
) -> None:
    asked = config(models=[{"name": "xgboost", "grid": grid}], folds={"k": 2})
    with pytest.raises(Complaint, match=complaint):
        search(asked, material(asked), progress=told, memory=Notes())


def test_a_budget_for_nothing_still_gives_a_model() -> None:
    asked = config(models=QUICK, search={"budget_cpu_seconds": 1e-9, "jobs": 1})
    built = build(asked, material(asked), progress=told, memory=Notes())
    assert {entry.name for entry in built.leaderboard.entries} == {"linear", "dummy"}
    assert len(built.found.left_out) == 4


def test_halving_sees_few_rows_first_and_ends_with_one_of_each_family() -> None:
    asked = config(
        models=[{"name": "linear", "grid": {"C": [10.0, 1.0, 0.1, 0.01]}}, *QUICK[1:3]],
        search={"kind": "halving", "jobs": 1},
    )
    given = material(asked, rows=3000)
    found = search(asked, given, progress=told, memory=Notes())
    rows = sorted({trial.fitting_rows for trial in found.trials})
    assert len(rows) >= 3
    assert {"linear", "tree", "hist-boosting", "dummy"} == set(found.finalists)
    full = [trial for trial in found.trials if trial.fitting_rows > 1500]
    assert len({trial.candidate for trial in full if trial.candidate.family == "linear"}) == 1


def test_optuna_draws_the_same_from_the_same_seed() -> None:
    asked = config(models=QUICK[:2], search={"kind": "optuna", "trials": 3, "jobs": 1})
    one, two = (search(asked, material(asked), progress=told, memory=Notes()) for _ in range(2))
    assert len({t.candidate for t in one.trials if t.candidate.family == "linear"}) == 3
    assert [t.candidate for t in one.trials] == [t.candidate for t in two.trials]


def test_finished_parts_are_not_done_again() -> None:
    asked, notes = config(models=QUICK[:2]), Notes()
    first = search(asked, material(asked), progress=told, memory=notes)
    assert len(notes.parts) == 5
    del notes.parts["round-1-fold-3"]
    second = search(asked, material(asked), progress=told, memory=notes)
    assert notes.recalls == 4
    assert [t.scores for t in first.trials] == [t.scores for t in second.trials]


def test_class_weights_move_probabilities() -> None:
    plain = config(models=[QUICK[0]], training={"calibration": "none"})
    heavy = config(
        models=[QUICK[0]], training={"calibration": "none", "class_weight": {"1": 5, "0": 1}}
    )
    given = material(plain)
    means = [
        build(asked, given, progress=told, memory=Notes())
        .model.output(given.problem.rows, given.problem)[:, 1]
        .mean()
        for asked in (plain, heavy)
    ]
    assert means[1] > means[0] + 0.1


def trials(name: str, scores: Sequence[float]) -> list[Trial]:
    places = np.arange(200)
    return [
        Trial(Candidate(name, ()), fold, {"roc_auc": score}, np.zeros((200, 2)), places, 800, 0.1)
        for fold, score in enumerate(scores)
    ]


def test_the_simplest_model_within_one_standard_error_is_chosen() -> None:
    near = leaderboard(
        {
            "linear": trials("linear", [0.80, 0.82, 0.79, 0.81, 0.80]),
            "forest": trials("forest", [0.81, 0.81, 0.80, 0.81, 0.80]),
        },
        "roc_auc",
    )
    far = leaderboard(
        {
            "linear": trials("linear", [0.70, 0.71, 0.70, 0.69, 0.70]),
            "forest": trials("forest", [0.80, 0.81, 0.80, 0.80, 0.80]),
        },
        "roc_auc",
    )
    best = leaderboard(
        {
            "linear": trials("linear", [0.80, 0.82, 0.79, 0.81, 0.80]),
            "forest": trials("forest", [0.81, 0.81, 0.80, 0.81, 0.80]),
        },
        "roc_auc",
        one_standard_error=False,
    )
    assert near.chosen.name == "linear"
    assert "within one standard error of forest" in near.sentence
    assert far.chosen.name == "forest"
    assert best.chosen.name == "forest"


def test_the_leaderboard_shows_paired_differences() -> None:
    board = leaderboard(
        {
            "linear": trials("linear", [0.70, 0.71, 0.70, 0.69, 0.70]),
            "forest": trials("forest", [0.80, 0.81, 0.80, 0.80, 0.81]),
        },
        "roc_auc",
    )
    behind = np.array([-0.10, -0.10, -0.10, -0.11, -0.11])
    expected = over_folds(behind, np.full(5, 800), np.full(5, 200))
    found = board.entries[1].against_best
    assert (found.value, found.low) == pytest.approx((expected.value, expected.low))


BLENDED: dict[str, Any] = {
    "chosen": {
        "family": "blend",
        "parameters": {"linear": 0.25, "hist-boosting": 0.75},
        "members": [
            {"family": "linear", "parameters": {"C": 0.3}, "weight": 0.25},
            {"family": "hist-boosting", "parameters": {"max_iter": 25}, "weight": 0.75},
        ],
    }
}


def test_a_champion_that_is_a_blend_stands_on_the_leaderboard_and_can_win_again() -> None:
    asked = config(models=[{"name": "tree", "grid": {"max_depth": [1]}}])
    given, recipe = material(asked), recipe_of(BLENDED)
    assert recipe is not None
    built = build(asked, given, recipe, progress=told, memory=Notes())
    assert {e.name for e in built.leaderboard.entries} == {"champion", "tree", "dummy"}
    chosen = built.leaderboard.chosen
    assert (chosen.name, chosen.family) == ("champion", "blend")
    assert "champion's recipe has the best roc_auc" in built.leaderboard.sentence
    # Its outputs are its members', each fitted on the same folds as all others.
    found = search(asked, given, recipe.candidates, progress=told, memory=Notes()).finalists
    for linear, boosted, mixture in zip(
        found["champion-linear"],
        found["champion-hist-boosting"],
        built.finalists["champion"],
        strict=True,
    ):
        assert np.allclose(mixture.output, 0.25 * linear.output + 0.75 * boosted.output)
    output = built.model.output(given.problem.rows, given.problem)
    assert np.allclose(output.sum(axis=1), 1)
    assert recipe_of(model_record(built)) == recipe


def test_a_record_without_a_known_algorithm_tells_no_recipe() -> None:
    assert recipe_of({}) is None
    assert recipe_of({"chosen": {"family": "oracle", "parameters": {}}}) is None
    assert recipe_of({"chosen": {"family": "blend", "parameters": {"linear": 1.0}}}) is None


def test_nothing_better_than_chance_is_said() -> None:
    board = leaderboard(
        {"linear": trials("linear", [0.49] * 5), "dummy": trials("dummy", [0.5] * 5)}, "roc_auc"
    )
    assert board.chosen.name == "linear"
    assert "no model beats the dummy" in board.sentence


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_calibration_repairs_a_boastful_model(kind: str) -> None:
    chance = np.random.default_rng(6)
    outputs, positives = [], []
    for _ in range(5):
        odds = chance.normal(size=2000)
        positives.append(chance.random(2000) < 1 / (1 + np.exp(-odds)))
        boastful = 1 / (1 + np.exp(-3 * odds))
        outputs.append(np.column_stack([1 - boastful, boastful]))
    asked: Any = kind
    fixed, _ = calibrate(asked, outputs, positives)
    auto, reason = calibrate("auto", outputs, positives)
    assert auto.kind == "sigmoid"
    assert "log loss of the folds" in reason
    p, y = fixed.apply(np.concatenate(outputs))[:, 1], np.concatenate(positives)
    assert abs(p[p > 0.8].mean() - y[p > 0.8].mean()) < 0.03
    assert Calibrator().apply(outputs[0]) is outputs[0]
