"""What an array of numbers is called here, and sums of exponentials that do not overflow."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


def log_mean_exp(logs: FloatArray) -> FloatArray:
    """log(mean(exp(logs))) over the last axis: the average of e-values given by logarithms."""
    top = np.max(logs, axis=-1, keepdims=True)
    summed = np.log(np.mean(np.exp(logs - top), axis=-1))
    return np.asarray(summed + top[..., 0], dtype=np.float64)
