"""The chosen model, fitted on all development rows, with its calibration and its threshold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from dohyo_training.assess import value
from dohyo_training.build import trial
from dohyo_training.build.blend import assemble
from dohyo_training.build.calibration import Calibrator, calibrate
from dohyo_training.build.problem import weights_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem
    from dohyo_training.build.search import Material
    from dohyo_training.build.trial import Candidate, Trial
    from dohyo_training.config import RunConfig


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        kind: binary, multiclass or regression.
        classes: as in the problem.
        pipeline: scikit-learn's, raw features → probabilities or numbers; released classes and
            the row features of this package.
        calibrator: what is done to the probability behind the pipeline, and why.
        threshold: acts on a row from this probability on; None unless binary.
        threshold_reason: why this threshold.
    """

    kind: str
    classes: tuple[Any, ...]
    pipeline: Pipeline
    calibrator: Calibrator
    calibration_reason: str
    threshold: float | None
    threshold_reason: str

    def output(self, rows: pd.DataFrame, problem: Problem) -> NDArray[np.float64]:
        """Calibrated probabilities [n_rows, n_classes], or numbers [n_rows]."""
        return self.calibrator.apply(trial.output_of(self.pipeline, rows, problem))

    def output_of_encoded(
        self, matrix: NDArray[np.float64], problem: Problem
    ) -> NDArray[np.float64]:
        """The same for rows that the preprocessing has been through, [n_rows, n_columns]."""
        return self.calibrator.apply(trial.output_of(self.pipeline[1:], matrix, problem))


@dataclass(frozen=True)
class Refitter:
    """Fits finalists on all development rows, over one shared preprocessing."""

    config: RunConfig
    material: Material
    preprocessing: Any
    matrix: NDArray[np.float64]

    @classmethod
    def prepare(cls, config: RunConfig, material: Material) -> Refitter:
        transformer = material.preprocessing()
        matrix = transformer.fit_transform(material.problem.rows, material.problem.target)
        return cls(config, material, transformer, np.ascontiguousarray(matrix))

    def estimator(self, candidate: Candidate) -> Any:
        """The fitted estimator of a candidate, on the preprocessed matrix."""
        problem = self.material.problem
        return trial.fit(
            candidate.unfitted(problem, self.config.training.seed),
            self.matrix,
            problem.target,
            weights_of_rows(problem, self.config.training),
        )

    def combine(self, estimators: Mapping[str, Any], weights: Mapping[str, float]) -> Any:
        """The blend of estimators that are fitted already."""
        members = {name: estimators[name] for name in weights}
        return assemble(members, weights, self.material.problem)

    def model(self, estimator: Any, trials: Sequence[Trial]) -> Model:
        """The model around a fitted estimator; `trials` hold its outputs on unseen rows."""
        problem = self.material.problem
        # One flat pipeline: the serving form follows it step by step.
        inner = estimator.steps if isinstance(estimator, Pipeline) else [("model", estimator)]
        pipeline = Pipeline([("features", self.preprocessing), *inner])
        outputs = [one.output for one in trials]
        positives = [problem.target[one.judging_places] == 1 for one in trials]
        calibrator, reason = Calibrator(), "not for this kind of outcome"
        if problem.is_classification:
            calibrator, reason = calibrate(self.config.training.calibration, outputs, positives)
        unfinished = Model(
            problem.kind, problem.classes, pipeline, calibrator, reason, None, "not binary"
        )
        if problem.kind != "binary":
            return unfinished
        threshold, why = self._threshold(calibrator, trials)
        return replace(unfinished, threshold=threshold, threshold_reason=why)

    def _threshold(self, calibrator: Calibrator, trials: Sequence[Trial]) -> tuple[float, str]:
        wished = self.config.training.threshold
        if wished != "auto":
            return float(wished), "the configuration says so"
        problem = self.material.problem
        if problem.cells is None:
            return 0.5, "the configuration gives no values, so the likelier class is taken"
        theory = value.theoretical_threshold(problem.cells)
        if theory is not None:
            return theory, "the values of the four outcomes, and probabilities that are calibrated"
        places = np.concatenate([one.judging_places for one in trials])
        output = calibrator.apply(np.concatenate([one.output for one in trials]))
        best = value.best_threshold(
            problem.cells.of_rows(places), problem.target[places] == 1, output[:, 1]
        )
        return best, "most valuable on the judging rows of the folds"
