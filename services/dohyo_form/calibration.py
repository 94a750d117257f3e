"""The last step of a model of two classes: from its probability to one that happens so often.

`form.json` holds it as `calibration`, with the numbers of training; it is done in 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_form.errors import FormError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NONE, SIGMOID, ISOTONIC = "none", "sigmoid", "isotonic"
_LEAST_PROBABILITY = 1e-12


def calibration(document: Mapping[str, Any]) -> Callable[[Floats], Floats]:
    """The step: probabilities of two classes in and out, [n, 2].

    Raises:
        FormError: the kind is unknown, or its numbers are not there.
    """
    kind = document.get("kind")
    try:
        if kind == NONE:
            return lambda outputs: outputs
        if kind == SIGMOID:
            return _sigmoid(float(document["slope"]), float(document["intercept"]))
        if kind == ISOTONIC:
            return _isotonic(np.array(document["x"], float), np.array(document["y"], float))
    except (KeyError, TypeError, ValueError) as error:
        raise FormError(f"form.json: calibration: {error!r}; export the form anew") from error
    raise FormError(
        f"form.json: calibration.kind: {kind!r} is unknown; choose none, sigmoid or isotonic"
    )


def _sigmoid(slope: float, intercept: float) -> Callable[[Floats], Floats]:
    def apply(outputs: Floats) -> Floats:
        p = np.clip(outputs[:, 1], _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        odds = slope * np.log(p / (1.0 - p)) + intercept
        return _both(1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0))))

    return apply


def _isotonic(x: Floats, y: Floats) -> Callable[[Floats], Floats]:
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{len(x)} points x beside {len(y)} points y")
    return lambda outputs: _both(np.interp(outputs[:, 1], x, y))


def _both(second: Floats) -> Floats:
    return np.column_stack((1.0 - second, second))
