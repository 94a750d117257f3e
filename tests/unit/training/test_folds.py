"""Rows go by time where there is a date, by group, else in strata."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from dohyo_training.config.building import Folds
from dohyo_training.folds import FoldsError, Labels, choose, split

CHANCE = np.random.default_rng(1)
TARGET = CHANCE.random(600) < 0.3
DATES = np.datetime64("2026-01-01") + CHANCE.integers(0, 200, 600).astype("timedelta64[D]")
GROUPS = CHANCE.integers(0, 80, 600)


def classes(target: Any, dates: Any = None, groups: Any = None) -> Labels:
    return Labels(target, is_classification=True, dates=dates, groups=groups)


def numbers(target: Any, dates: Any = None) -> Labels:
    return Labels(target, is_classification=False, dates=dates)


def test_a_date_wins_over_a_group_and_a_group_over_strata() -> None:
    chosen = [
        choose(classes(TARGET, DATES, GROUPS), "auto"),
        choose(classes(TARGET, None, GROUPS), "auto"),
        choose(classes(TARGET), "auto"),
        choose(numbers(TARGET.astype(float)), "auto"),
    ]
    assert [scheme for scheme, _ in chosen] == ["time", "group", "stratified", "random"]
    assert "future" in chosen[0][1]


def test_asking_for_strata_in_spite_of_a_date_is_done_and_said() -> None:
    scheme, reason = choose(classes(TARGET, DATES), "stratified")
    assert scheme == "stratified"
    assert "the future will not repeat" in reason


@given(
    days=st.lists(st.integers(0, 60), min_size=80, max_size=300).filter(
        lambda days: len(set(days)) > 12
    ),
    k=st.integers(2, 5),
)
@settings(max_examples=60, deadline=None)
def test_in_time_every_judging_row_is_later_than_every_fitting_one(days: list[int], k: int) -> None:
    dates = np.datetime64("2026-01-01") + np.array(days).astype("timedelta64[D]")
    parts = split(numbers(np.arange(len(days), dtype=float), dates), Folds(k=k))
    ordered = dates[parts.development]
    assert ordered.max() < dates[parts.held_back].min()
    assert len(parts.pairs) == k
    for fitting, judging in parts.pairs:
        assert ordered[fitting].max() < ordered[judging].min()


def test_a_gap_leaves_time_between_fitting_and_judging() -> None:
    parts = split(classes(TARGET, DATES), Folds(gap=timedelta(days=7)))
    ordered = DATES[parts.development]
    week = np.timedelta64(7, "D")
    assert DATES[parts.held_back].min() - ordered.max() >= week
    assert all(ordered[j].min() - ordered[f].max() >= week for f, j in parts.pairs)


def test_no_group_is_on_both_sides() -> None:
    parts = split(classes(TARGET, None, GROUPS), Folds())
    of = GROUPS[parts.development]
    assert not set(of) & set(GROUPS[parts.held_back])
    assert all(not set(of[f]) & set(of[j]) for f, j in parts.pairs)


def test_strata_keep_the_classes_in_proportion() -> None:
    parts = split(classes(TARGET), Folds())
    shares = [TARGET[parts.development][judging].mean() for _, judging in parts.pairs]
    assert np.ptp(shares) < 0.02
    assert abs(TARGET[parts.held_back].mean() - TARGET.mean()) < 0.02


def test_the_same_seed_splits_alike() -> None:
    one, two = (split(classes(TARGET), Folds(seed=4)) for _ in range(2))
    other = split(classes(TARGET), Folds(seed=5))
    assert np.array_equal(one.held_back, two.held_back)
    assert not np.array_equal(one.held_back, other.held_back)


@pytest.mark.parametrize(
    ("labels", "folds", "words"),
    [
        (classes(np.ones(200, bool)), Folds(), "every row says"),
        (classes(np.arange(200) < 3), Folds(), "has 3 rows"),
        (classes(np.arange(20) % 2 == 0), Folds(), "too few"),
        (classes(TARGET, None, GROUPS % 3), Folds(), "different groups"),
        (classes(TARGET), Folds(scheme="time"), "task.event_date"),
        (classes(TARGET), Folds(scheme="group"), "task.group"),
        (
            classes(TARGET, np.full(600, np.datetime64("2026-01-01"))),
            Folds(),
            "different dates",
        ),
        (
            classes(TARGET, np.where(TARGET, np.datetime64("NaT"), DATES)),
            Folds(),
            "have no date",
        ),
    ],
)
def test_what_cannot_be_split_is_said_in_a_sentence(
    labels: Labels, folds: Folds, words: str
) -> None:
    with pytest.raises(FoldsError, match=words):
        split(labels, folds)


def test_a_random_split_is_optimistic_where_the_world_drifts() -> None:
    """The meaning of a feature turns slowly; only the split by time sees what service will see."""
    chance = np.random.default_rng(3)
    rows = 3000
    when = np.sort(chance.random(rows))
    x = chance.normal(size=(rows, 2))
    turn = np.pi * when
    positive = np.cos(turn) * x[:, 0] + np.sin(turn) * x[:, 1] + chance.normal(size=rows) > 0
    table = np.column_stack([x, when])
    dates = np.datetime64("2026-01-01") + (when * 365).astype(int).astype("timedelta64[D]")

    def score(scheme: str) -> tuple[float, float]:
        parts = split(classes(positive, dates), Folds(scheme=scheme))
        model = HistGradientBoostingClassifier(max_iter=30, random_state=0)
        x, y = table[parts.development], positive[parts.development]
        by_fold = [
            roc_auc_score(y[j], model.fit(x[f], y[f]).predict_proba(x[j])[:, 1])
            for f, j in parts.pairs
        ]
        future = dates > np.datetime64("2026-10-01")
        past = model.fit(table[~future], positive[~future])
        truth = roc_auc_score(positive[future], past.predict_proba(table[future])[:, 1])
        return float(np.mean(by_fold)), float(truth)

    random, future = score("stratified")
    by_time, _ = score("time")
    assert random - future > 0.02
    assert abs(by_time - future) < abs(random - future)
