"""One fit on one fold: the unit of every search, and all that is measured of it."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from dohyo_training.build.families import FAMILIES
from dohyo_training.build.metrics import MEASURES
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem


@dataclass(frozen=True)
class Candidate:
    """An algorithm with its hyperparameters.

    Attributes:
        family: of `FAMILIES`.
        parameters: what differs from the family's own.
        label: how the leaderboard calls it, where that is not the family.
    """

    family: str
    parameters: tuple[tuple[str, Any], ...]
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.family

    def unfitted(self, problem: Problem, seed: int) -> Any:
        return FAMILIES[self.family].unfitted(problem, dict(self.parameters), seed)


@dataclass(frozen=True)
class Fold:
    """One fold after preprocessing that was fitted on its fitting rows.

    Attributes:
        number: counted from 0.
        fitting, judging: matrices, [n_rows, n_columns].
        fitting_rows, judging_rows: the problem on these rows.
        weights: of the fitting rows, or None.
        judging_places: where the judging rows stand in the development rows.
    """

    number: int
    fitting: NDArray[np.float64]
    judging: NDArray[np.float64]
    fitting_rows: Problem
    judging_rows: Problem
    weights: NDArray[np.float64] | None
    judging_places: NDArray[np.intp]


@dataclass(frozen=True)
class Trial:
    """What one fit on one fold gave.

    Attributes:
        candidate, fold: which.
        scores: by metric, on the judging rows.
        output: of the judging rows, see `metrics`.
        judging_places: where the judging rows stand in the development rows.
        fitting_rows: how many rows it was fitted on.
        fit_cpu_seconds: processor time of the fit.
    """

    candidate: Candidate
    fold: int
    scores: Mapping[str, float]
    output: NDArray[np.float64]
    judging_places: NDArray[np.intp]
    fitting_rows: int
    fit_cpu_seconds: float

    def without_output(self) -> Trial:
        """The scores alone; outputs of every fit together are larger than the table."""
        none = np.empty(0)
        return replace(self, output=none, judging_places=none.astype(np.intp))


def run(
    candidate: Candidate, fold: Fold, metrics: tuple[str, ...], seed: int, rows: int | None = None
) -> Trial:
    """Fits on a fold, on `rows` of its fitting rows if that is said, and judges."""
    x, problem, weights = fold.fitting, fold.fitting_rows, fold.weights
    if rows is not None and rows < len(x):
        taken = _sample(problem, rows, seed)
        x, problem = x[taken], problem.at(taken)
        weights = None if weights is None else weights[taken]
    began = time.process_time()
    estimator = fit(candidate.unfitted(problem, seed), x, problem.target, weights)
    seconds = time.process_time() - began
    output = output_of(estimator, fold.judging, fold.judging_rows)
    scores = {name: MEASURES[name].of(fold.judging_rows, output) for name in metrics}
    return Trial(candidate, fold.number, scores, output, fold.judging_places, len(x), seconds)


def fit(
    estimator: Any,
    x: NDArray[np.float64],
    target: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> Any:
    """Fits with the weights of rows; a pipeline hands them to its last step."""
    named = {}
    if weights is not None:
        steps = getattr(estimator, "steps", None)
        named = {f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": weights}
    with warnings.catch_warnings():
        # A linear model that stops early scores as it scores; the leaderboard shows it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return estimator.fit(x, target, **named)
        except (TypeError, ValueError) as error:
            raise Complaint(f"models: {_described(estimator)} cannot be fitted: {error}") from error


def _described(estimator: Any) -> str:
    """The algorithm with the hyperparameters that were given to it."""
    model = estimator[-1] if hasattr(estimator, "steps") else estimator
    given = {k: v for k, v in model.get_params().items() if v is not None}
    known = type(model)().get_params()
    differing = [f"{k}={v!r}" for k, v in given.items() if known.get(k) != v]
    return f"{type(model).__name__}({', '.join(differing)})"


def output_of(estimator: Any, x: Any, problem: Problem) -> NDArray[np.float64]:
    """Probabilities [n_rows, n_classes] in the order of the problem's classes, or numbers."""
    if not problem.is_classification:
        return np.asarray(estimator.predict(x), dtype=np.float64)
    found = np.asarray(estimator.predict_proba(x), dtype=np.float64)
    places = np.asarray(estimator.classes_, dtype=np.intp)
    if len(places) == len(problem.classes):
        return found
    output = np.zeros((len(found), len(problem.classes)))
    output[:, places] = found
    return output


def _sample(problem: Problem, rows: int, seed: int) -> NDArray[np.intp]:
    """Rows by chance, with a few of each class whatever the chance."""
    chance = np.random.default_rng([seed, rows])
    order = chance.permutation(len(problem))
    if problem.is_classification:
        # The first five of each class come first, so that none is missing from a small sample.
        target = problem.target[order]
        rank = np.empty(len(order), dtype=np.intp)
        for place in range(len(problem.classes)):
            members = np.flatnonzero(target == place)
            rank[members] = np.arange(len(members))
        order = np.concatenate([order[rank < 5], order[rank >= 5]])
    return np.sort(order[:rows])
