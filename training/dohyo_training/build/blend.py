"""A weighted mean of the best models, as one more candidate.

Weights come from predictions of rows that the members were not fitted on, and the blend's own
score on a fold uses weights that were found without that fold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.optimize import nnls
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.preprocessing import LabelEncoder

from dohyo_training.build.families import BLEND, DUMMY, FAMILIES
from dohyo_training.build.metrics import MEASURES
from dohyo_training.build.trial import Candidate, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem

# More members cost more microseconds than they bring.
MOST_MEMBERS: Final = 3
LEAST_WEIGHT: Final = 0.02
BLENDABLE: Final = frozenset(FAMILIES) - {DUMMY, "forest"}


def blend(
    finalists: Mapping[str, Sequence[Trial]], problem: Problem, metrics: tuple[str, ...]
) -> tuple[dict[str, float], list[Trial]] | None:
    """The members' weights and the blend's trials; None where fewer than two models help."""
    # Forests are left out: thirty megabytes and the slowest rows for a small share.
    names = [
        name
        for name, trials in finalists.items()
        if name in BLENDABLE and trials[0].candidate.label == ""
    ]
    if len(names) < 2:
        return None
    folds = range(len(finalists[names[0]]))
    truths = [_truth(problem, finalists[names[0]][fold]) for fold in folds]
    outputs = [[finalists[name][fold].output for name in names] for fold in folds]
    weights = _weights(truths, outputs)
    kept = np.argsort(-weights, kind="stable")[:MOST_MEMBERS]
    kept = np.sort(kept[weights[kept] >= LEAST_WEIGHT])
    if len(kept) < 2:
        return None
    names = [names[place] for place in kept]
    outputs = [[outputs[fold][place] for place in kept] for fold in folds]
    final = dict(zip(names, _weights(truths, outputs).tolist(), strict=True))
    trials = []
    for fold in folds:
        others = [place for place in folds if place != fold]
        weights = _weights([truths[o] for o in others], [outputs[o] for o in others])
        trials.append(mixed([finalists[name][fold] for name in names], weights, problem, metrics))
    return final, trials


def mixed(
    members: Sequence[Trial],
    weights: Sequence[float] | NDArray[np.float64],
    problem: Problem,
    metrics: tuple[str, ...],
    label: str = "",
) -> Trial:
    """A blend on one fold, from what its members said there."""
    first = members[0]
    output = np.asarray(sum(w * one.output for w, one in zip(weights, members, strict=True)))
    rows = problem.at(first.judging_places)
    return Trial(
        Candidate(BLEND, (), label),
        first.fold,
        {name: MEASURES[name].of(rows, output) for name in metrics},
        output,
        first.judging_places,
        first.fitting_rows,
        sum(one.fit_cpu_seconds for one in members),
    )


def _weights(
    truths: Sequence[NDArray[np.float64]], outputs: Sequence[Sequence[NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """Least squares with weights that are not negative, scaled to sum to 1, [n_members]."""
    members = len(outputs[0])
    matrix = np.column_stack(
        [np.concatenate([fold[place].ravel() for fold in outputs]) for place in range(members)]
    )
    weights, _ = nnls(matrix, np.concatenate([truth.ravel() for truth in truths]))
    total = weights.sum()
    return np.asarray(weights / total) if total > 0 else np.full(members, 1 / members)


def _truth(problem: Problem, trial: Trial) -> NDArray[np.float64]:
    target = problem.target[trial.judging_places]
    if not problem.is_classification:
        return np.asarray(target, dtype=np.float64)
    return np.eye(len(problem.classes))[target.astype(np.intp)]


def assemble(members: Mapping[str, Any], weights: Mapping[str, float], problem: Problem) -> Any:
    """One estimator of scikit-learn's own from fitted members."""
    named = list(members.items())
    share = [weights[name] for name in members]
    if not problem.is_classification:
        voting = VotingRegressor(named, weights=share)
    else:
        voting = VotingClassifier(named, voting="soft", weights=share)
        voting.le_ = LabelEncoder().fit(np.arange(len(problem.classes)))
        voting.classes_ = voting.le_.classes_
    # Its own `fit` would fit the members again, and cannot weigh the rows of a pipeline.
    voting.estimators_ = list(members.values())
    return voting
