"""How well one feature alone predicts the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import rankdata
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.preprocessing import TargetEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from dohyo_training.analyse.relations import as_number, bins, spearman

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.table import Kind, TaskType

_FOLDS: Final = 3
_TARGET_TYPE: Final = {
    "binary": "binary",
    "multiclass": "multiclass",
    "regression": "continuous",
}


def score_alone(values: pd.Series, kind: Kind, y: NDArray[Any], task: TaskType) -> float:
    """ROC-AUC of a small tree on this column, on rows that it was not fitted on.

    For regression the Spearman correlation of its predictions, or of the numbers themselves.
    Missing values are told apart, so that a column filled in only for one outcome shows.
    """
    parting = KFold if task == "regression" else StratifiedKFold
    folds = parting(_FOLDS, shuffle=True, random_state=0)
    if kind == "category":
        encoder = TargetEncoder(target_type=_TARGET_TYPE[task], cv=folds)
        texts = values.fillna("(missing)").astype(str).to_numpy(dtype=object).reshape(-1, 1)
        return _score(task, y, encoder.fit_transform(texts, y))
    x = as_number(values)
    if task == "regression":
        filled = np.isfinite(x)
        tree = DecisionTreeRegressor(max_leaf_nodes=16, min_samples_leaf=5, random_state=0)
        guessed = cross_val_predict(tree, x.reshape(-1, 1), y, cv=folds)
        straight = abs(spearman(x[filled], y[filled])) if filled.mean() > 0.5 else 0.0
        return max(_score(task, y, guessed), straight)
    tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, random_state=0)
    guessed = cross_val_predict(tree, x.reshape(-1, 1), y, cv=folds, method="predict_proba")
    return _score(task, y, guessed)


def score_binned(values: pd.Series, kind: Kind, y: NDArray[Any], task: TaskType) -> float:
    """A quick, too favourable guess at `score_alone`: means of bins, on the same rows."""
    codes, size = bins(values, kind)
    rows = np.maximum(np.bincount(codes, minlength=size), 1)
    if task == "regression":
        return _score(task, y, (np.bincount(codes, y, size) / rows)[codes])
    labels = range(int(y.max()) + 1)
    shares = [np.bincount(codes, y == label, size) / rows for label in labels]
    return _score(task, y, np.column_stack(shares)[codes])


def _score(task: TaskType, y: NDArray[Any], guessed: NDArray[np.float64]) -> float:
    if task == "regression":
        return abs(spearman(np.ravel(guessed), y))
    if task == "binary":
        return roc_auc(y == 1, guessed[:, -1])
    return float(np.mean([roc_auc(y == label, guessed[:, label]) for label in np.unique(y)]))


def roc_auc(positive: NDArray[np.bool_], guessed: NDArray[np.float64]) -> float:
    """Area under the ROC curve by ranks; scikit-learn's checks cost ten times the sum."""
    ones = int(positive.sum())
    others = len(positive) - ones
    if ones == 0 or others == 0:
        return 0.5
    ranks = rankdata(guessed)[positive].sum()
    return float((ranks - ones * (ones + 1) / 2) / (ones * others))
