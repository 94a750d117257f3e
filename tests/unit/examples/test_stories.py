"""The stories of the demo: what is asked, and by what the ring decides."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from dohyo.api.validation import check
from dohyo_training.config import load
from examples.demo import satisfaction, tumours
from examples.demo.predictions import CUSTOMER_HEADER
from examples.demo.story import BETTER, WORSE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from examples.demo.story import Story

ACCURACIES = {"all-rows": 0.97, "few-rows": 0.91}
SCORES = {
    "champion": {"log_loss": 0.67, "roc_auc": 0.62},
    "challenger": {"log_loss": 0.66, "roc_auc": 0.65},
}


@pytest.fixture(params=["tumours", "satisfaction"])
def told(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Story]:
    """A story without the minutes of its training."""
    monkeypatch.setattr("examples.demo.models.accuracies", lambda _home: ACCURACIES)
    monkeypatch.setattr(satisfaction, "_trained", lambda _home: SCORES)
    module = {"tumours": tumours, "satisfaction": satisfaction}[request.param]
    return lambda truth: module.story(truth, tmp_path)


@pytest.mark.parametrize("truth", [BETTER, WORSE])
def test_its_ring_breaks_no_rule(told: Callable[[str], Story], truth: str) -> None:
    story = told(truth)
    spec = story.spec(CUSTOMER_HEADER)
    for version in (spec["champion"], *spec["challengers"]):
        # The ring on this machine takes it from the store.
        version["uri"] = "pvc://claim/some.bento"
    document = {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": story.model},
        "spec": spec,
    }
    found = check(document)
    assert (found.refused, found.unknown) == ((), ())


def test_the_truth_decides_who_sits_where(told: Callable[[str], Story]) -> None:
    better, worse = told(BETTER), told(WORSE)
    assert better.champion.bento == worse.challenger.bento
    assert better.challenger.bento == worse.champion.bento
    for story in (better, worse):
        assert set(story.held_out) == {story.champion.name, story.challenger.name}
        losses = {
            name: scores.get("log_loss", -scores.get("accuracy", 0.0))
            for name, scores in story.held_out.items()
        }
        ours, theirs = losses[story.challenger.name], losses[story.champion.name]
        assert (ours < theirs) == (story.truth == BETTER)


def test_questions_are_the_same_on_every_run(told: Callable[[str], Story]) -> None:
    questions = told(BETTER).questions
    first = list(islice(questions(), 50))
    assert first == list(islice(questions(), 50))
    assert len({question.truth for question in first}) == 2


def test_customers_tell_nothing_that_is_known_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(satisfaction, "_trained", lambda _home: SCORES)
    question = next(satisfaction.story(BETTER, tmp_path).questions())
    (record,) = json.loads(question.body)["records"]
    config = load(REPOSITORY / "examples" / "satisfaction" / "challenger.yaml")
    later = {"score", "satisfied", "courtesy_call", "call_propensity"}
    assert later.isdisjoint(record)
    assert later - {config.task.target} <= set(config.columns)
    assert question.truth in {"0", "1"}
