"""The model at a pipeline's end, as a backend of the serving form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from dohyo_form.models import IDENTITY, LINEAR, LOGISTIC, ONNX, SOFTMAX
from dohyo_training.export import ensembles, trees
from dohyo_training.export.columns import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Exported:
    """A model as bytes, and what `form.json` says of it."""

    backend: str
    link: str
    dtype: str
    content: bytes


def export_estimator(estimator: Any) -> Exported:
    """The estimator as data.

    Raises:
        ExportError: there is no backend for it.
    """
    kinds: tuple[tuple[Any, Callable[[Any], Exported]], ...] = (
        ((LogisticRegression, LinearRegression, Ridge), _linear),
        ((HistGradientBoostingClassifier, HistGradientBoostingRegressor), _histogram),
    )
    for types, export in kinds:
        if isinstance(estimator, types):
            return export(estimator)
    # By name, so that XGBoost needs not be there for models of another kind.
    if type(estimator).__name__ in ("XGBClassifier", "XGBRegressor"):
        return _xgboost(estimator)
    if ensembles.is_ensemble(estimator):
        return Exported(ONNX, IDENTITY, "float64", ensembles.ensemble_bytes(estimator))
    raise ExportError(
        f"{type(estimator).__name__} has no backend in the serving form; "
        "choose a linear model or boosted trees, or serve the pipeline itself"
    )


def _linear(estimator: Any) -> Exported:
    coefficients = np.atleast_2d(estimator.coef_)
    intercept = np.resize(np.atleast_1d(estimator.intercept_), len(coefficients))
    document = {"coefficients": coefficients.tolist(), "intercept": intercept.tolist()}
    content = json.dumps(document, sort_keys=True).encode()
    return Exported(LINEAR, _link(estimator, len(coefficients)), "float64", content)


def _histogram(estimator: Any) -> Exported:
    if not is_classifier(estimator) and estimator.loss not in ("squared_error", "absolute_error"):
        raise ExportError(f"loss {estimator.loss!r} has a link that the serving form lacks")
    try:
        forest = trees.of_histogram_boosting(estimator)
    except ValueError as error:
        raise ExportError(f"{type(estimator).__name__}: {error}") from error
    return _forest(estimator, forest)


def _xgboost(estimator: Any) -> Exported:
    objective = str(estimator.objective)
    if objective not in ("binary:logistic", "multi:softprob", "reg:squarederror"):
        raise ExportError(f"objective {objective!r} has a link that the serving form lacks")
    try:
        forest = trees.of_xgboost(estimator.get_booster())
    except ValueError as error:
        raise ExportError(f"{type(estimator).__name__}: {error}") from error
    return _forest(estimator, forest)


def _forest(estimator: Any, forest: trees.Forest) -> Exported:
    link = _link(estimator, len(forest.base))
    return Exported(ONNX, link, forest.dtype, trees.onnx_bytes(forest))


def _link(estimator: Any, scores: int) -> str:
    if not is_classifier(estimator):
        return IDENTITY
    return LOGISTIC if scores == 1 else SOFTMAX
