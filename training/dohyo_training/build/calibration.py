"""From a model's probabilities to ones that happen as often as they say.

The step is a few numbers behind the model: the served form applies the same ones in 64 bits,
which is why isotonic regression, inexact inside ONNX, may be used too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class Calibrator:
    """Maps the probability of the positive class.

    Attributes:
        kind: none, sigmoid or isotonic.
        slope, intercept: of the log odds, for sigmoid.
        x, y: points of a monotone line, for isotonic.
    """

    kind: Literal["none", "sigmoid", "isotonic"] = "none"
    slope: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def apply(self, output: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities [n_rows, 2]; anything else as it came."""
        if self.kind == "none":
            return output
        p = output[:, 1]
        if self.kind == "sigmoid":
            odds = logit(np.clip(p, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
            positive = expit(self.slope * odds + self.intercept)
        else:
            positive = np.interp(p, self.x, self.y)
        return np.column_stack([1 - positive, positive])

    def as_json(self) -> dict[str, Any]:
        if self.kind == "sigmoid":
            return {"kind": self.kind, "slope": self.slope, "intercept": self.intercept}
        if self.kind == "isotonic":
            return {"kind": self.kind, "x": list(self.x), "y": list(self.y)}
        return {"kind": self.kind}


def fit_sigmoid(probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> Calibrator:
    odds = logit(np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    # Hardly any penalty: two numbers from many rows need none, but separable rows do.
    line = LogisticRegression(C=1e4, max_iter=1000).fit(odds[:, None], positive)
    return Calibrator("sigmoid", float(line.coef_[0, 0]), float(line.intercept_[0]))


def fit_isotonic(probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> Calibrator:
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probability, positive)
    return Calibrator(
        "isotonic",
        x=tuple(map(float, curve.X_thresholds_)),
        y=tuple(map(float, curve.y_thresholds_)),
    )


_FITS = {"sigmoid": fit_sigmoid, "isotonic": fit_isotonic}


def calibrate(
    wished: str, outputs: Sequence[NDArray[np.float64]], positives: Sequence[NDArray[np.bool_]]
) -> tuple[Calibrator, str]:
    """A calibrator from predictions of unseen rows, fold by fold, and the reason for it.

    Raises:
        Complaint: calibration is asked for several classes.
    """
    if wished == "none":
        return Calibrator(), "the configuration asks for none"
    if outputs[0].ndim != 2 or outputs[0].shape[1] != 2:
        if wished != "auto":
            raise Complaint(
                f"training.calibration: {wished} is for two classes; choose none or auto"
            )
        return Calibrator(), "not for this kind of outcome"
    all_p = np.concatenate([output[:, 1] for output in outputs])
    all_y = np.concatenate(list(positives))
    if wished != "auto":
        return _FITS[wished](all_p, all_y), f"the configuration asks for {wished}"
    before, after = _cross_fitted(outputs, positives)
    change = f"log loss of the folds {before:.4f} without, {after:.4f} with a sigmoid"
    if after < before:
        return fit_sigmoid(all_p, all_y), change
    return Calibrator(), change


def _cross_fitted(
    outputs: Sequence[NDArray[np.float64]], positives: Sequence[NDArray[np.bool_]]
) -> tuple[float, float]:
    """Mean log loss without and with a sigmoid that was fitted on the other folds."""
    before, after = [], []
    for fold, (output, positive) in enumerate(zip(outputs, positives, strict=True)):
        others = [place for place in range(len(outputs)) if place != fold]
        fitted = fit_sigmoid(
            np.concatenate([outputs[o][:, 1] for o in others]),
            np.concatenate([positives[o] for o in others]),
        )
        before.append(_log_loss(output, positive))
        after.append(_log_loss(fitted.apply(output), positive))
    return float(np.mean(before)), float(np.mean(after))


def _log_loss(output: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    of_truth = np.where(positive, output[:, 1], output[:, 0])
    return float(-np.mean(np.log(np.clip(of_truth, 1e-15, 1.0))))
