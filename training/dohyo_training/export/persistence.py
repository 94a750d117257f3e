"""The scikit-learn pipeline on disk, for retraining and as the fallback: skops, never pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from pathlib import Path

# What skops does not know itself and a pipeline of ours may hold; anything else is refused.
TRUSTED: Final = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "dohyo_training.features.rowwise.RowFeatures",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "numpy.dtypes.Float64DType",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.tree._tree.Tree",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)


def _skops() -> Any:
    """Imported by those who read or write: it looks at every estimator there is."""
    from skops import io  # type: ignore[import-untyped] # noqa: PLC0415

    return io


def save_pipeline(pipeline: Any, file: Path) -> None:
    """Writes a fitted pipeline."""
    _skops().dump(pipeline, file)


def types_in(file: Path) -> list[str]:
    """The types of a pipeline on disk that skops does not know itself, by their full names."""
    return sorted(_skops().get_untrusted_types(file=file))


def load_pipeline(file: Path) -> Any:
    """Reads a fitted pipeline.

    Raises:
        Complaint: it holds a type that no pipeline of ours holds.
    """
    strange = sorted(set(types_in(file)) - TRUSTED)
    if strange:
        raise Complaint(
            f"{file.name}: holds {strange[0]}, which no pipeline of this package holds; "
            "train the version anew"
        )
    return _skops().load(file, trusted=sorted(TRUSTED))
