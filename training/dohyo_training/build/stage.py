"""The stage as a whole: search, blend, leaderboard, and the chosen model fitted on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo_training.build.backend import release
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
    Timed = Callable[[Model], float | None]


@dataclass(frozen=True)
class Built:
    """What building gave.

    Attributes:
        found: every trial of the search, without outputs.
        finalists: trials of each entry of the leaderboard, the blend among them.
        leaderboard: with the choice, and with the times of one row that were measured.
        model: the chosen one.
    """

    found: Found
    finalists: Mapping[str, Sequence[Trial]]
    leaderboard: Leaderboard
    model: Model


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
    timed: Timed = lambda _: None,
) -> Built:
    """Searches, ranks, chooses and fits on all development rows.

    `timed` is shown each model of the leaderboard once, and gives the time of one of its rows.
    """
    found = search(config, material, extra, progress=progress, memory=memory)
    # Nothing is fitted beside what follows, and idle workers hold as much as busy ones.
    release()
    found.trials = [one.without_output() for one in found.trials]
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
    model, times = _fitted(refitter, finalists, weights, board.chosen.name, timed)
    return Built(found, finalists, board.with_latency(times), model)


def _fitted(
    refitter: Refitter,
    finalists: Mapping[str, Sequence[Trial]],
    weights: Mapping[str, float],
    chosen: str,
    timed: Timed,
) -> tuple[Model, dict[str, float]]:
    """The chosen model, and the time of a row of each; no other model outlives its turn."""
    members: dict[str, Any] = {}
    times: dict[str, float] = {}
    kept: Model | None = None
    # The blend is made of others, so it comes last.
    for name in sorted(finalists, key=lambda name: name == BLEND):
        if name == BLEND:
            estimator = refitter.combine(members, weights)
        else:
            estimator = refitter.estimator(finalists[name][0].candidate)
        if name in weights:
            members[name] = estimator
        model = refitter.model(estimator, finalists[name])
        took = timed(model)
        if took is not None:
            times[name] = took
        if name == chosen:
            kept = model
        del estimator, model
    assert kept is not None
    return kept, times
