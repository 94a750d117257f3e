"""What shuffled folds would have promised of rows that are split by time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from dohyo_training.build import trial
from dohyo_training.build.families import BLEND, DUMMY
from dohyo_training.build.search import prepare

if TYPE_CHECKING:
    from dohyo_training.build.search import Material
    from dohyo_training.build.stage import Built
    from dohyo_training.config import RunConfig

FOLDS: Final = 3


@dataclass(frozen=True)
class Promise:
    """The same model on the same rows, judged in two ways.

    Attributes:
        model: on the leaderboard.
        metric: that decides.
        shuffled: its mean over shuffled folds, which look into the future.
        by_time: its mean over the folds of the run.
    """

    model: str
    metric: str
    shuffled: float
    by_time: float

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return dict(vars(self))


def promise(config: RunConfig, material: Material, built: Built) -> Promise:
    """Judges the chosen model, or of a blend the best single one, on shuffled folds."""
    board = built.leaderboard
    alone = [entry for entry in board.entries if entry.family not in (BLEND, DUMMY)]
    entry = next((one for one in alone if one.chosen), alone[0])
    problem, seed = material.problem, config.training.seed
    kind = StratifiedKFold if problem.is_classification else KFold
    pairs = tuple(kind(FOLDS, shuffle=True, random_state=seed).split(problem.rows, problem.target))
    shuffled = replace(material, pairs=pairs, metrics=(board.metric,))
    candidate = built.finalists[entry.name][0].candidate
    trials = (
        trial.run(candidate, prepare(shuffled, number, config), shuffled.metrics, seed)
        for number in range(FOLDS)
    )
    found = float(np.mean([one.scores[board.metric] for one in trials]))
    return Promise(entry.title, board.metric, found, entry.scores[board.metric])
