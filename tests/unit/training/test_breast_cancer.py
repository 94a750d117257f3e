from __future__ import annotations

import numpy as np

from dohyo_training import breast_cancer
from services.prediction.records import FEATURES


def test_the_split_is_the_same_every_time_and_shares_no_row() -> None:
    first, second = breast_cancer.split(), breast_cancer.split()
    np.testing.assert_array_equal(first.train_x, second.train_x)
    np.testing.assert_array_equal(first.test_y, second.test_y)
    assert len(first.train_y) + len(first.test_y) == 569
    together = np.vstack([first.train_x, first.test_x])
    assert len(np.unique(together, axis=0)) == 569


def test_both_outcomes_are_in_proportion() -> None:
    data = breast_cancer.split()
    shares = [float(np.mean(outcomes == "malignant")) for outcomes in (data.train_y, data.test_y)]
    assert abs(shares[0] - shares[1]) < 0.01


def test_the_service_sends_the_columns_that_training_uses() -> None:
    assert breast_cancer.split().features == FEATURES
