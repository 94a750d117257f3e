"""Tumours: two models that train within seconds, and differ enough to be told apart in them."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING, Final

from cluster.programs import Surroundings, run
from cluster.progress import step
from dohyo_training.breast_cancer import split
from examples.demo import models
from examples.demo.story import TUMOURS, Question, Seat, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A bout in a minute: the truth about a prediction is known within seconds here.
_ROLLOUT: Final = {
    "steps": [{"weight": 20, "for": "8s"}, {"weight": 50, "for": "8s"}],
    "gates": [{"name": "quality", "metric": "loss", "loss": "zero-one", "goal": "superior"}],
    "labels": {"maxDelay": "5s"},
}


def story(truth: str, home: Path) -> Story:
    """With both bentos in the store, made anew where their sources have changed.

    Raises:
        ClusterError: they cannot be made.
    """
    if not models.accuracies(home):
        with step("train two models and pack two bentos", 20):
            run(
                [sys.executable, "-m", "examples.demo.models", "--home", str(home)],
                Surroundings(folder=models.REPOSITORY),
            )
    accuracies, seats = models.accuracies(home), models.SEATS[truth]
    champion = Seat("v1", f"{models.BENTO}:{seats.champion}")
    challenger = Seat("v2", f"{models.BENTO}:{seats.challenger}")
    return Story(
        model=TUMOURS,
        champion=champion,
        challenger=challenger,
        truth=truth,
        held_out={
            champion.name: {"accuracy": accuracies[seats.champion]},
            challenger.name: {"accuracy": accuracies[seats.challenger]},
        },
        evidence=(
            f"on rows that neither has seen {challenger.name} ({seats.challenger}) is right in "
            f"{100 * accuracies[seats.challenger]:.1f} %, {champion.name} ({seats.champion}) in "
            f"{100 * accuracies[seats.champion]:.1f} %"
        ),
        rollout=_ROLLOUT,
        per_second=100.0,
        seconds=90.0,
        questions=_questions,
    )


def _questions() -> Iterator[Question]:
    """Drawn from the rows held back."""
    data, chance = split(), random.Random(20260101)  # noqa: S311 - a reproducible demonstration
    rows = [dict(zip(data.features, row, strict=True)) for row in data.test_x.tolist()]
    asked = [
        Question(json.dumps({"records": [row]}).encode(), str(label))
        for row, label in zip(rows, data.test_y, strict=True)
    ]
    while True:
        yield chance.choice(asked)
