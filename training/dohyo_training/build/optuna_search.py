"""The search by Optuna's tree-structured Parzen estimator, for those who ask for it.

It draws between the least and the greatest value of each list of the grid. Draws come from a
seed and are judged one by one, so that the same configuration draws the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training.build import trial
from dohyo_training.build.backend import workers
from dohyo_training.build.families import BLEND, FAMILIES
from dohyo_training.build.metrics import MEASURES
from dohyo_training.build.search import Found, best_of_families, prepare
from dohyo_training.build.trial import Candidate
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Sequence

    import joblib

    from dohyo_training.build.search import Material, Progress
    from dohyo_training.build.trial import Fold, Trial
    from dohyo_training.config import RunConfig
    from dohyo_training.config.building import ModelChoice


def search_by_optuna(
    config: RunConfig,
    material: Material,
    always: Sequence[Candidate],
    *,
    progress: Progress,
) -> Found:
    """Draws `search.trials` candidates of each family, and judges each on every fold."""
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Complaint(
            "search.kind: optuna is not installed; `pip install 'dohyo[training-extras]'`, "
            "or choose auto, grid or halving"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folds = [prepare(material, number, config) for number in range(len(material.pairs))]
    choices = [choice for choice in config.models if choice.name != BLEND]
    planned = (len(choices) * config.search.trials + len(always)) * len(folds)
    found = Found("optuna")
    with workers(config.search) as pool:
        for candidate in always:
            found.trials += _judge(pool, candidate, folds, material, config)
        for choice in choices:
            sampler = optuna.samplers.TPESampler(seed=config.training.seed)
            study = optuna.create_study(direction="maximize", sampler=sampler)
            for _ in range(config.search.trials):
                asked = study.ask()
                candidate = _drawn(choice, asked)
                trials = _judge(pool, candidate, folds, material, config)
                found.trials += trials
                metric = material.metrics[0]
                scores = [MEASURES[metric].sign * one.scores[metric] for one in trials]
                study.tell(asked, float(np.mean(scores)))
                progress(len(found.trials), planned)
    found.finalists = best_of_families(found.trials, material.metrics[0])
    return found


def _judge(
    pool: joblib.Parallel,
    candidate: Candidate,
    folds: Sequence[Fold],
    material: Material,
    config: RunConfig,
) -> list[Trial]:
    from joblib import delayed  # noqa: PLC0415

    seed = config.training.seed
    return list(pool(delayed(trial.run)(candidate, fold, material.metrics, seed) for fold in folds))


def _drawn(choice: ModelChoice, asked: Any) -> Candidate:
    grid = choice.grid or FAMILIES[choice.name].grid
    point = {name: _draw(asked, name, list(values)) for name, values in grid.items()}
    return Candidate(choice.name, tuple(sorted(point.items())))


def _draw(asked: Any, name: str, values: list[Any]) -> Any:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values) or any(isinstance(value, bool) for value in values):
        return asked.suggest_categorical(name, values)
    low, high = min(numbers), max(numbers)
    if all(isinstance(value, int) for value in values):
        return asked.suggest_int(name, low, high)
    return asked.suggest_float(name, low, high, log=low > 0 and high / low >= 10)
