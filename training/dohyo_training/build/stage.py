"""The stage as a whole: search, blend, leaderboard, and the chosen model fitted on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo_training.build.backend import release
from dohyo_training.build.blend import blend, mixed
from dohyo_training.build.families import BLEND, CHAMPION
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
    from dohyo_training.build.recipe import Recipe
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
        members: of the chosen one where it is a blend, with their weights.
    """

    found: Found
    finalists: Mapping[str, Sequence[Trial]]
    leaderboard: Leaderboard
    model: Model
    members: tuple[tuple[Candidate, float], ...] = ()


@dataclass(frozen=True)
class _Ranked:
    """What stands on the leaderboard, and what that is made of.

    Attributes:
        finalists: trials by name.
        mixtures: of each finalist that is a blend the weights of its members, by name.
        parts: trials of members that are no finalists themselves.
    """

    finalists: dict[str, Sequence[Trial]]
    mixtures: dict[str, Mapping[str, float]]
    parts: dict[str, Sequence[Trial]]

    def members(self, name: str) -> tuple[tuple[Candidate, float], ...]:
        """Of a finalist that is a blend; empty for any other."""
        trials = {**self.finalists, **self.parts}
        weights = self.mixtures.get(name, {})
        return tuple((trials[one][0].candidate, weight) for one, weight in weights.items())


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
    champion: Recipe | None = None,
    *,
    progress: Progress,
    memory: Memory,
    timed: Timed = lambda _: None,
) -> Built:
    """Searches, ranks, chooses and fits on all development rows.

    `timed` is shown each model of the leaderboard once, and gives the time of one of its rows.
    """
    extra = champion.candidates if champion else ()
    found = search(config, material, extra, progress=progress, memory=memory)
    # Nothing is fitted beside what follows, and idle workers hold as much as busy ones.
    release()
    found.trials = [one.without_output() for one in found.trials]
    ranked = _ranked(config, material, found, champion)
    board = leaderboard(
        ranked.finalists,
        material.metrics[0],
        mixtures=ranked.mixtures,
        one_standard_error=config.training.one_standard_error,
    )
    refitter = Refitter.prepare(config, material)
    name = board.chosen.name
    model, times = _fitted(refitter, ranked, name, timed)
    board = board.with_latency(times)
    return Built(found, ranked.finalists, board, model, ranked.members(name))


def _ranked(
    config: RunConfig, material: Material, found: Found, champion: Recipe | None
) -> _Ranked:
    """The finalists of the search, the champion's own blend, and a new one."""
    ranked = _Ranked(dict(found.finalists), {}, {})
    problem, metrics = material.problem, material.metrics
    if champion and champion.weights:
        for name in champion.weights:
            ranked.parts[name] = ranked.finalists.pop(name)
        weights = tuple(champion.weights.values())
        folds = zip(*ranked.parts.values(), strict=True)
        ranked.finalists[CHAMPION] = [
            mixed(members, weights, problem, metrics, CHAMPION) for members in folds
        ]
        ranked.mixtures[CHAMPION] = champion.weights
    if any(choice.name == BLEND for choice in config.models):
        blended = blend(found.finalists, problem, metrics)
        if blended is not None:
            ranked.mixtures[BLEND], ranked.finalists[BLEND] = blended
    return ranked


def _fitted(
    refitter: Refitter, ranked: _Ranked, chosen: str, timed: Timed
) -> tuple[Model, dict[str, float]]:
    """The chosen model, and the time of a row of each; no other model outlives its turn."""
    members: dict[str, Any] = {}
    times: dict[str, float] = {}
    kept: Model | None = None
    needed = {name for weights in ranked.mixtures.values() for name in weights}
    trials = {**ranked.parts, **ranked.finalists}
    # Blends are made of others, so they come last.
    for name in sorted(trials, key=ranked.mixtures.__contains__):
        if name in ranked.mixtures:
            estimator = refitter.combine(members, ranked.mixtures[name])
        else:
            estimator = refitter.estimator(trials[name][0].candidate)
        if name in needed:
            members[name] = estimator
        if name in ranked.parts:
            continue
        model = refitter.model(estimator, trials[name])
        took = timed(model)
        if took is not None:
            times[name] = took
        if name == chosen:
            kept = model
        del estimator, model
    assert kept is not None
    return kept, times
