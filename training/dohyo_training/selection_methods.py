"""Learning rows → the features worth keeping, and what dropped each of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import RFECV
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from dohyo_training import features

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table, TaskType

    Numbers = NDArray[np.float64]
    Rows = NDArray[np.intp]

# In what a score of the reference model is counted; each is greater when better.
SCORERS: Final = {
    "binary": "roc_auc",
    "multiclass": "neg_log_loss",
    "regression": "neg_root_mean_squared_error",
}
_JUDGED_ROWS: Final = 5000
_NOISE_ALPHA: Final = 0.01
_INNER_ALPHA: Final = 0.05


@dataclass(frozen=True)
class Encoded:
    """Rows as a model sees them.

    Attributes:
        x: what the preprocessing puts out, [n_rows, n_outputs].
        y: the outcome, [n_rows].
        outputs: the features that each output is made from.
    """

    x: Numbers
    y: NDArray[Any]
    outputs: tuple[tuple[str, ...], ...]

    def take(self, rows: Rows) -> Encoded:
        """Some of the rows."""
        return Encoded(self.x[rows], self.y[rows], self.outputs)

    def by_columns(self) -> Encoded:
        """The same, one column behind the other in memory: a tree reads few of a thousand."""
        return Encoded(np.asfortranarray(self.x), self.y, self.outputs)

    def features_at(self, places: set[int]) -> set[str]:
        """The features that these outputs are made from."""
        return {name for place in places for name in self.outputs[place]}

    def shuffled(self, column: str, chance: np.random.Generator) -> Numbers:
        """The outputs, with all that comes of one feature taken from other rows."""
        places = [place for place, sources in enumerate(self.outputs) if column in sources]
        mixed = self.x.copy(order="K")
        mixed[:, places] = self.x[:, places][chance.permutation(len(self.x))]
        return mixed


def reference_model(task: TaskType, seed: int) -> Any:
    """A quick model that sees interactions; it judges columns, and is no candidate itself."""
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return kind(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=30, early_stopping=False, random_state=seed
    )


def splitting(model: Any) -> set[int]:
    """The outputs that a fitted reference model splits on; no other one changes what it says."""
    trees = (tree for iteration in model._predictors for tree in iteration)  # noqa: SLF001
    return {
        int(place)
        for tree in trees
        for place in tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0]
    }


def score(task: TaskType, model: Any, x: Numbers, y: NDArray[Any]) -> float:
    """The score of a fitted model, greater when better."""
    value: float = get_scorer(SCORERS[task])(model, x, y)
    return value


def dropped(config: RunConfig, table: Table, rows: Rows) -> dict[str, str]:
    """Features that the method of the configuration drops, by these rows alone, and why."""
    found = dict(_plain_reasons(config, table, table.frame.iloc[rows]))
    left = [name for name in table.features if name not in found]
    method = config.selection.method
    if method == "none" or not left:
        return {}
    transformer = features.pipeline(config, table, columns=left)
    y = table.y[rows]
    x = transformer.fit_transform(table.x.iloc[rows], y)
    seen = Encoded(x, y, tuple(features.inputs(transformer).values()))
    used = (
        _by_elimination(config, table.task, x, y) if method == "rfecv" else _by_l1(table.task, x, y)
    )
    kept = {
        name for keeps, names in zip(used, seen.outputs, strict=True) if keeps for name in names
    }
    weak = [column for column in left if column not in kept]
    rescued = _rescued(config, table.task, seen, weak)
    found |= {
        column: "rfecv" if method == "rfecv" else "l1" for column in weak if column not in rescued
    }
    return {name: why for name, why in found.items() if name not in config.selection.keep}


def _plain_reasons(
    config: RunConfig, table: Table, frame: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Constants and near copies of an earlier column."""
    varying = []
    for name in table.features:
        if len(frame[name].unique()) == 1:
            yield name, "constant"
        else:
            varying.append(name)
    yield from copies(table.kinds, frame[varying], config.selection.correlation)


def copies(
    kinds: Mapping[str, str], frame: pd.DataFrame, bound: float
) -> Iterator[tuple[str, str]]:
    """Columns that say the same as an earlier one: numbers by rank, categories level by level."""
    numbers = [name for name in frame.columns if kinds[name] in ("number", "flag")]
    close = np.abs(correlations(frame[numbers].rank().to_numpy())) > bound
    gone = np.zeros(len(numbers), dtype=bool)
    for later, name in enumerate(numbers):
        (twins,) = np.nonzero(close[later, :later] & ~gone[:later])
        if len(twins):
            gone[later] = True
            yield name, f"copy of {numbers[twins[0]]}"
    first: dict[bytes, str] = {}
    for name in (name for name in frame.columns if kinds[name] == "category"):
        # Levels are numbered as they appear: two columns that part the rows alike have the
        # same numbers, whatever their words.
        codes, _ = frame[name].factorize(use_na_sentinel=False)
        twin = first.setdefault(codes.tobytes(), name)
        if twin != name:
            yield name, f"copy of {twin}"


def correlations(x: Numbers) -> Numbers:
    """Pearson's correlation of each two columns over the rows that both have, [n_cols, n_cols].

    By products of matrices: pandas goes through the rows for each of half a million pairs.
    NaN where one of the two does not vary.
    """
    if x.shape[1] == 0:
        return np.empty((0, 0))
    x = x - np.nanmean(x, axis=0)
    there = (~np.isnan(x)).astype(np.float64)
    x = np.nan_to_num(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of the row's column, over the rows where the other one is there as well.
        sums, squares, rows = x.T @ there, (x**2).T @ there, there.T @ there
        products = x.T @ x - sums * sums.T / rows
        spread = squares - sums**2 / rows
        return np.asarray(products / np.sqrt(spread * spread.T))


def _by_l1(task: TaskType, x: Numbers, y: NDArray[Any]) -> NDArray[np.bool_]:
    """Outputs with a weight under a penalty that noise does not get over.

    The penalty is the size that the gradient of a column of pure noise stays below in 99 of 100
    tables: its standard deviation times a normal quantile. A stricter one would drop what is
    weak with what is useless.
    """
    scaled = StandardScaler().fit_transform(x)
    rows = len(x)
    largest = norm.ppf(1 - _NOISE_ALPHA / 2)
    if task == "regression":
        alpha = float(np.std(y)) * largest / np.sqrt(rows)
        return np.asarray(Lasso(alpha=alpha, max_iter=2000).fit(scaled, y).coef_ != 0)
    spread = np.sqrt(rows * _variance(y))
    linear = LogisticRegression(
        C=1 / (spread * largest), l1_ratio=1, solver="liblinear", max_iter=300, random_state=0
    )
    if task == "binary":
        return np.asarray(linear.fit(scaled, y).coef_[0] != 0)
    each = OneVsRestClassifier(linear).fit(scaled, y).estimators_
    return np.asarray(np.any([one.coef_[0] != 0 for one in each], axis=0))


def _variance(y: NDArray[Any]) -> float:
    shares = np.bincount(y) / len(y)
    return float(np.max(shares * (1 - shares)))


def _by_elimination(
    config: RunConfig, task: TaskType, x: Numbers, y: NDArray[Any]
) -> NDArray[np.bool_]:
    kind = XGBRegressor if task == "regression" else XGBClassifier
    model = kind(n_estimators=60, max_depth=4, n_jobs=1, random_state=config.training.seed)
    return np.asarray(RFECV(model, step=0.2, cv=3, scoring=SCORERS[task]).fit(x, y).support_)


def _rescued(config: RunConfig, task: TaskType, rows: Encoded, weak: list[str]) -> set[str]:
    """Of the weak features those that a model with interactions needs.

    Each half of the rows judges a model of the other half: a feature is needed when shuffling it
    makes the losses of single rows larger by more than chance does.
    """
    chance = np.random.default_rng(config.training.seed)
    halves = np.array_split(chance.permutation(len(rows.y)), 2)
    more: dict[str, list[Numbers]] = {column: [] for column in weak}
    for learn, judge in (halves, halves[::-1]):
        known, unseen = rows.take(learn), rows.take(judge).by_columns()
        if not weak or (task != "regression" and len(set(known.y)) < len(set(rows.y))):
            return set(weak)
        model = reference_model(task, config.training.seed).fit(known.x, known.y)
        whole = _losses(task, model, unseen.x, unseen.y)
        seen = unseen.features_at(splitting(model))
        for column in weak:
            if column not in seen:
                more[column].append(np.zeros(len(unseen.y)))
                continue
            shuffled = unseen.shuffled(column, chance)
            more[column].append(_losses(task, model, shuffled, unseen.y) - whole)
    return {column for column in weak if _beyond_noise(np.concatenate(more[column]))}


def _losses(task: TaskType, model: Any, x: Numbers, y: NDArray[Any]) -> Numbers:
    """The loss of each row: squared error, or minus the logarithm of its class's probability."""
    if task == "regression":
        return np.asarray((model.predict(x) - y) ** 2)
    return np.asarray(-np.log(model.predict_proba(x)[np.arange(len(y)), y] + 1e-12))


def _beyond_noise(differences: Numbers) -> bool:
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return bool(differences.mean() > norm.ppf(1 - _INNER_ALPHA) * error)


def effects(
    task: TaskType, model: Any, rows: Encoded, columns: list[str], chance: np.random.Generator
) -> dict[str, float]:
    """Loss of score when what comes of a feature is shuffled over the rows, for each feature."""
    rows = rows.take(np.arange(min(len(rows.y), _JUDGED_ROWS))).by_columns()
    whole = score(task, model, rows.x, rows.y)
    lost = dict.fromkeys(columns, 0.0)
    seen = rows.features_at(splitting(model))
    for column in filter(seen.__contains__, columns):
        shuffled = rows.shuffled(column, chance)
        lost[column] = whole - score(task, model, shuffled, rows.y)
    return lost
