"""The two models of the sample: who holds the ring and who wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dohyo_training.breast_cancer import SEED

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Contender:
    """A model that is trained and packed as one version of the sample bento.

    Attributes:
        model_version: its version in the model store; the bento's build argument `model`.
        bento_version: the version of the bento that carries it.
        unfitted: makes the estimator anew.
    """

    model_version: str
    bento_version: str
    unfitted: Callable[[], Any]


CHAMPION = Contender(
    "logistic",
    "v1-logistic",
    lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=SEED)),
)
CHALLENGER = Contender(
    "boosting",
    "v2-boosting",
    lambda: HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.08, early_stopping=False, random_state=SEED
    ),
)
CONTENDERS = (CHAMPION, CHALLENGER)
