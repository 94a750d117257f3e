"""The data set of the sample: tumours measured under a microscope, benign or malignant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

SEED = 20260101
TEST_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """Rows for fitting and rows for assessing, never the same.

    Attributes:
        features: names of the columns, [n_features].
        train_x, test_x: measurements, [n_rows, n_features].
        train_y, test_y: the outcome in words, [n_rows].
    """

    features: tuple[str, ...]
    train_x: NDArray[np.float64]
    test_x: NDArray[np.float64]
    train_y: NDArray[np.str_]
    test_y: NDArray[np.str_]


def split() -> Split:
    """The 569 rows, split the same way on every run and with both outcomes in proportion."""
    data = load_breast_cancer()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data,
        data.target_names[data.target],
        test_size=TEST_SHARE,
        stratify=data.target,
        random_state=SEED,
    )
    return Split(feature_names(data.feature_names), train_x, test_x, train_y, test_y)


def feature_names(columns: Sequence[str]) -> tuple[str, ...]:
    """`mean concave points` as a request can name it: `mean_concave_points`."""
    return tuple(str(column).replace(" ", "_") for column in columns)
