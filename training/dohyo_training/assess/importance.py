"""What each feature is worth to the chosen model, on rows that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dohyo_training import features
from dohyo_training.build.metrics import MEASURES
from dohyo_training.selection_methods import Encoded

if TYPE_CHECKING:
    from dohyo_training.build.model import Model
    from dohyo_training.build.problem import Problem

ROWS: Final = 2_000
REPEATS: Final = 3


@dataclass(frozen=True)
class Importance:
    """What shuffling one feature costs the deciding metric; mean and deviation of repeats."""

    feature: str
    loss: float
    deviation: float


def importance(model: Model, problem: Problem, metric: str, seed: int) -> list[Importance]:
    """Every feature, the most important first.

    What comes of a feature is shuffled behind the preprocessing, which is so done once: before
    it, a table of twice the columns would take four times as long.
    """
    chance = np.random.default_rng(seed)
    rows = min(len(problem), ROWS)
    some = problem.at(np.sort(chance.choice(len(problem), rows, replace=False)))
    transformer, measure = model.pipeline[0], MEASURES[metric]
    made_of = tuple(features.inputs(transformer).values())
    encoded = Encoded(np.asarray(transformer.transform(some.rows)), some.target, made_of)
    whole = measure.of(some, model.output_of_encoded(encoded.x, some))

    def lost(feature: str) -> float:
        mixed = encoded.shuffled(feature, chance)
        return measure.sign * (whole - measure.of(some, model.output_of_encoded(mixed, some)))

    found = []
    for feature in map(str, some.rows.columns):
        losses = [lost(feature) for _ in range(REPEATS)]
        found.append(Importance(feature, float(np.mean(losses)), float(np.std(losses))))
    return sorted(found, key=lambda one: -one.loss)
