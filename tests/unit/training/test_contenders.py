from __future__ import annotations

import numpy as np
import pytest

from dohyo_training import breast_cancer
from dohyo_training.assessment import assess
from dohyo_training.contenders import CHALLENGER, CHAMPION, CONTENDERS, Contender
from dohyo_training.samples import BENTO_NAME
from images import samples
from tests.harness import model


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda each: each.model_version)
def test_a_contender_learns_and_learns_the_same_twice(contender: Contender) -> None:
    data = breast_cancer.split()
    first, second = (contender.unfitted().fit(data.train_x, data.train_y) for _ in range(2))
    np.testing.assert_array_equal(
        first.predict_proba(data.test_x), second.predict_proba(data.test_x)
    )
    metrics = assess(first, data)
    assert metrics["accuracy"] > 0.95
    assert metrics["roc_auc"] > 0.98
    assert metrics["log_loss"] < 0.2


def test_champion_and_challenger_disagree_somewhere() -> None:
    data = breast_cancer.split()
    probabilities = [
        contender.unfitted().fit(data.train_x, data.train_y).predict_proba(data.test_x)
        for contender in (CHAMPION, CHALLENGER)
    ]
    assert np.abs(probabilities[0] - probabilities[1]).max() > 0.1


def test_all_who_name_the_samples_mean_the_same() -> None:
    assert {BENTO_NAME, model.BENTO} == {samples.NAME}
    assert tuple(each.bento_version for each in CONTENDERS) == samples.VERSIONS
    assert {
        f"{BENTO_NAME}:{each.bento_version}": each.model_version for each in CONTENDERS
    } == model.STORED
