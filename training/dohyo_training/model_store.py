"""Fitted models in the BentoML model store, with what a reader must know about them."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml
import joblib
from bentoml.models import ModelContext

from dohyo_form.contract import Contract, Field
from dohyo_form.form import FOLDER
from dohyo_training.assessment import assess
from dohyo_training.breast_cancer import SEED
from dohyo_training.export.serving_form import Training, export_form

if TYPE_CHECKING:
    from dohyo_training.breast_cancer import Split
    from dohyo_training.contenders import Contender

MODEL_NAME = "breast-cancer"


def fit_and_save(contender: Contender, data: Split) -> dict[str, float]:
    """Trains a contender and stores it under its fixed version, in place of an older one.

    Returns its metrics on the rows held back.
    """
    model = contender.unfitted().fit(data.train_x, data.train_y)
    metrics = assess(model, data)
    tag = f"{MODEL_NAME}:{contender.model_version}"
    with suppress(bentoml.exceptions.NotFound):
        bentoml.models.delete(tag)
    with bentoml.models.create(
        tag,
        module="bentoml.sklearn",
        api_version="v1",
        context=ModelContext(
            framework_name="scikit-learn",
            framework_versions={"scikit-learn": version("scikit-learn")},
        ),
        signatures={"predict_proba": {"batchable": True, "batch_dim": 0}},  # type: ignore[arg-type]
        labels={"estimator": contender.model_version},
        metadata=_metadata(model, data, metrics),
    ) as stored:
        # As `bentoml.sklearn.save_model` writes it, and the serving form beside it.
        joblib.dump(model, stored.path_of("saved_model.pkl"))
        export_form(model, _training(data), Path(stored.path_of(FOLDER)))
    return metrics


def _training(data: Split) -> Training:
    """The contract of the sample: thirty finite numbers, none missing, none unknown."""
    fields = tuple(Field(name, "number") for name in data.features)
    records = [dict(zip(data.features, row, strict=True)) for row in data.train_x.tolist()]
    return Training(Contract(fields), records, SEED)


def _metadata(model: Any, data: Split, metrics: dict[str, float]) -> dict[str, Any]:
    return {
        "metrics": metrics,
        "features": list(data.features),
        "classes": [str(name) for name in model.classes_],
        "rows": {"train": len(data.train_y), "test": len(data.test_y)},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("bentoml", "numpy", "scikit-learn")},
        },
    }
