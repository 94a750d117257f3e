"""The stage as a whole: search, blend, leaderboard, and the chosen model fitted on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo_training.build.blend import blend
from dohyo_training.build.families import BLEND
from dohyo_training.build.leaderboard import Leaderboard, leaderboard
from dohyo_training.build.metrics import DEFAULT_METRIC, reported
from dohyo_training.build.model import Model, Refitter
from dohyo_training.build.search import Found, Material, Memory, Progress, search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem
    from dohyo_training.build.trial import Candidate, Trial
    from dohyo_training.config import RunConfig

    Pairs = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class Built:
    """What building gave.

    Attributes:
        found: every trial of the search.
        finalists: trials of each entry of the leaderboard, the blend among them.
        leaderboard: with the choice.
        model: the chosen one.
        models: all of the leaderboard, fitted, for the times of their served forms.
    """

    found: Found
    finalists: Mapping[str, Sequence[Trial]]
    leaderboard: Leaderboard
    model: Model
    models: Mapping[str, Model]


def material_of(
    config: RunConfig, problem: Problem, pairs: Pairs, preprocessing: Callable[[], Any]
) -> Material:
    """What the search works on, with the metrics that the configuration names."""
    primary = config.training.metric or DEFAULT_METRIC[problem.kind]
    measures = reported(problem, primary, config.training.metrics)
    return Material(problem, pairs, preprocessing, tuple(measure.name for measure in measures))


def build(
    config: RunConfig,
    material: Material,
    extra: Sequence[Candidate] = (),
    *,
    progress: Progress,
    memory: Memory,
) -> Built:
    """Searches, ranks, chooses and fits on all development rows."""
    found = search(config, material, extra, progress=progress, memory=memory)
    finalists: dict[str, Sequence[Trial]] = dict(found.finalists)
    weights: Mapping[str, float] = {}
    if any(choice.name == BLEND for choice in config.models):
        blended = blend(found.finalists, material.problem, material.metrics)
        if blended is not None:
            weights, finalists[BLEND] = blended
    board = leaderboard(
        finalists,
        material.metrics[0],
        blend_weights=weights,
        one_standard_error=config.training.one_standard_error,
    )
    refitter = Refitter.prepare(config, material)
    estimators = {
        name: refitter.estimator(trials[0].candidate)
        for name, trials in finalists.items()
        if name != BLEND
    }
    if BLEND in finalists:
        estimators[BLEND] = refitter.combine(estimators, weights)
    models = {name: refitter.model(estimators[name], finalists[name]) for name in estimators}
    return Built(found, finalists, board, models[board.chosen.name], models)
