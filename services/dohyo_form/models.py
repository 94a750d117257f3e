"""The model of a form: numbers in, probabilities or a value out, by the backend it was saved for.

linear   `model.json`: coefficients, intercept, link
onnx     `model.onnx`: an ONNX graph of trees or anything else; the link on top of its scores
xgboost  `model.ubj`: XGBoost's own file, for boosters that have no ONNX form
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from dohyo_form.calibration import calibration
from dohyo_form.errors import FormError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LINEAR, ONNX, XGBOOST = "linear", "onnx", "xgboost"
FILE_OF: Final = {LINEAR: "model.json", ONNX: "model.onnx", XGBOOST: "model.ubj"}
IDENTITY, LOGISTIC, SOFTMAX = "identity", "logistic", "softmax"


class Model(Protocol):
    """Predicts from the row program's output.

    For two classes and link `logistic` the model has one score and the result two columns.
    """

    def predict(self, inputs: Floats) -> Floats:
        """Probabilities of the classes or values, [n_rows, n_outputs], from [n_rows, width]."""


def load_model(folder: Path, description: Mapping[str, Any]) -> Model:
    """The model that `form.json` describes by `backend`, `link` and `dtype`.

    Raises:
        FormError: the backend is unknown, or its file does not load.
    """
    backend = description.get("backend")
    if backend not in FILE_OF:
        known = ", ".join(FILE_OF)
        raise FormError(f"form.json: backend: {backend!r} is unknown; choose one of {known}")
    file = folder / FILE_OF[backend]
    link = _link(description)
    makers: dict[str, Callable[[], Model]] = {
        LINEAR: lambda: LinearModel.from_json(json.loads(file.read_text()), link),
        ONNX: lambda: OnnxModel(file, link, np.dtype(description.get("dtype", "float32"))),
        XGBOOST: lambda: XgboostModel(file, link),
    }
    try:
        return makers[backend]()
    except Exception as error:
        words = " ".join(str(error).split())
        raise FormError(f"{file.name} does not load: {type(error).__name__}: {words}") from error


class LinearModel:
    """A linear model; the products are summed as numpy sums them."""

    def __init__(
        self, coefficients: Floats, intercept: Floats, link: Callable[..., Floats]
    ) -> None:
        self._coefficients = np.ascontiguousarray(coefficients.T)
        self._intercept = intercept
        self._link = link

    @classmethod
    def from_json(cls, document: Mapping[str, Any], link: Callable[..., Floats]) -> LinearModel:
        coefficients = np.array(document["coefficients"], dtype=np.float64)
        intercept = np.array(document["intercept"], dtype=np.float64)
        if coefficients.ndim != 2 or intercept.shape != coefficients.shape[:1]:
            raise ValueError(f"coefficients {coefficients.shape}, intercept {intercept.shape}")
        return cls(coefficients, intercept, link)

    def predict(self, inputs: Floats) -> Floats:
        return self._link(inputs @ self._coefficients + self._intercept)


class OnnxModel:
    """An ONNX graph with one input of one dtype; its first output holds the scores."""

    def __init__(self, file: Path, link: Callable[..., Floats], dtype: np.dtype[Any]) -> None:
        import onnxruntime  # noqa: PLC0415 - only who serves such a model needs it

        options = onnxruntime.SessionOptions()
        # A pod scales by replicas; a pool of threads would only get it throttled.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[0].name]
        self._dtype = dtype
        self._link = link

    def predict(self, inputs: Floats) -> Floats:
        scores = self._run(self._outputs, {self._input: inputs.astype(self._dtype, copy=False)})[0]
        return self._link(scores.astype(np.float64, copy=False))


class XgboostModel:
    """A booster in XGBoost's own format; the link stands in the booster, so it gives the margin."""

    def __init__(self, file: Path, link: Callable[..., Floats]) -> None:
        from xgboost import Booster  # noqa: PLC0415 - only who serves such a model needs it

        self._booster = Booster({"nthread": 1})
        self._booster.load_model(str(file))
        self._link = link

    def predict(self, inputs: Floats) -> Floats:
        margin = self._booster.inplace_predict(
            inputs.astype(np.float32),
            predict_type="margin",
            missing=np.nan,
            validate_features=False,
        )
        return self._link(np.asarray(margin, dtype=np.float64).reshape(len(inputs), -1))


def logistic(scores: Floats) -> Floats:
    """Probabilities of two classes, [n, 2], from the score of the second, [n, 1]."""
    result = np.empty((len(scores), 2))
    # Beyond 700 the exponential overflows; the probability is 0 long before.
    result[:, 1] = 1.0 / (1.0 + np.exp(np.minimum(-scores[:, 0], 700.0)))
    result[:, 0] = 1.0 - result[:, 1]
    return result


def softmax(scores: Floats) -> Floats:
    """Probabilities of the classes, [n, k], from their scores."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def identity(scores: Floats) -> Floats:
    return scores


_LINKS: Final = {IDENTITY: identity, LOGISTIC: logistic, SOFTMAX: softmax}


def _link(description: Mapping[str, Any]) -> Callable[..., Floats]:
    name = description.get("link", IDENTITY)
    if name not in _LINKS:
        raise FormError(f"form.json: link: {name!r} is unknown; choose one of {', '.join(_LINKS)}")
    link = _LINKS[name]
    if "calibration" not in description:
        return link
    calibrate = calibration(description["calibration"])
    return lambda scores: calibrate(link(scores))
