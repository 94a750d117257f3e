"""The algorithms, their grids, and how much work one fit of each is.

Every family exports exactly (the parity gate of each run checks it). Trees get their numbers
unscaled: thresholds sit on data values, and rounding a scaled value to 32 bits moves rows across.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from math import log2, sqrt
from typing import TYPE_CHECKING, Any, Final

from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dohyo_training.build.problem import Problem
    from dohyo_training.config.building import ModelChoice

    Parameters = Mapping[str, Any]
    Grid = Mapping[str, Sequence[Any]]

DUMMY: Final = "dummy"
BLEND: Final = "blend"
# What the leaderboard calls the recipe of the version that serves.
CHAMPION: Final = "champion"
# Cheapest to serve and to explain first; the one-standard-error rule goes by it.
SIMPLEST_FIRST: Final = (
    DUMMY,
    "linear",
    "tree",
    "xgboost",
    "hist-boosting",
    "lightgbm",
    "forest",
    BLEND,
)


@dataclass(frozen=True)
class Size:
    """What one fit has to look at: rows, columns, and outcomes that are modelled apart."""

    rows: int
    columns: int
    outcomes: int


@dataclass(frozen=True)
class Family:
    """One algorithm.

    Attributes:
        name: as the configuration writes it.
        grid: hyperparameters and the values to try, the most promising first.
        classifier, regressor: make the unfitted estimator from hyperparameters and a seed.
        cpu_seconds: a model of the work of one fit; budgets are spent by it.
        scaled: whether it wants standardised numbers.
    """

    name: str
    grid: Grid
    classifier: Callable[[Parameters, int], Any]
    regressor: Callable[[Parameters, int], Any]
    cpu_seconds: Callable[[Parameters, Size], float]
    scaled: bool = False

    def unfitted(self, problem: Problem, parameters: Parameters, seed: int) -> Any:
        """The estimator on the preprocessed matrix; a scaler stands before those that want it."""
        make = self.classifier if problem.is_classification else self.regressor
        estimator = make(parameters, seed)
        return make_pipeline(StandardScaler(), estimator) if self.scaled else estimator


def _linear_classifier(parameters: Parameters, seed: int) -> Any:
    return LogisticRegression(**{"max_iter": 2000, "random_state": seed, **parameters})


def _linear_regressor(parameters: Parameters, seed: int) -> Any:
    # One grid for both kinds: C is the inverse of ridge's alpha.
    given = dict(parameters)
    strength = given.pop("C", 1.0)
    return Ridge(**{"alpha": 1 / strength, "random_state": seed, **given})


def _boosted(parameters: Parameters, seed: int) -> dict[str, Any]:
    fixed = {"n_estimators": 200, "tree_method": "hist", "n_jobs": 1, "random_state": seed}
    return {**fixed, **parameters}


def _xgb_classifier(parameters: Parameters, seed: int) -> Any:
    from xgboost import XGBClassifier  # noqa: PLC0415 - a second of import that `check` need not pay

    return XGBClassifier(**_boosted(parameters, seed))


def _xgb_regressor(parameters: Parameters, seed: int) -> Any:
    from xgboost import XGBRegressor  # noqa: PLC0415

    return XGBRegressor(**_boosted(parameters, seed))


def _lightgbm(name: str, parameters: Parameters, seed: int) -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Complaint(
            "models: lightgbm is not installed; `pip install 'dohyo[training-extras]'`, "
            "or take it off the list"
        ) from error
    fixed = {
        "n_estimators": 200,
        "n_jobs": 1,
        "random_state": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return getattr(lightgbm, name)(**{**fixed, **parameters})


def _trees_of_forest(parameters: Parameters, seed: int) -> dict[str, Any]:
    fixed = {"n_estimators": 200, "max_features": "sqrt", "n_jobs": 1, "random_state": seed}
    return {**fixed, **parameters}


def _hist(parameters: Parameters, seed: int) -> dict[str, Any]:
    return {"early_stopping": False, "max_iter": 200, "random_state": seed, **parameters}


def _tree_work(size: Size) -> float:
    return 1.5e-8 * size.rows * size.columns * log2(size.rows + 2)


def _forest_work(parameters: Parameters, size: Size) -> float:
    trees = parameters.get("n_estimators", 200)
    # A tree of few rows takes a millisecond all the same.
    return float(trees * (2.5e-8 * size.rows * sqrt(size.columns) * log2(size.rows + 2) + 1e-3))


def _boosting_work(trees: int, size: Size) -> float:
    return trees * size.outcomes * (4e-9 * size.rows * size.columns + 1e-3)


FAMILIES: Final = {
    family.name: family
    for family in (
        Family(
            DUMMY,
            {},
            lambda _, seed: DummyClassifier(strategy="prior", random_state=seed),
            lambda _parameters, _seed: DummyRegressor(strategy="mean"),
            lambda _, size: 1e-9 * size.rows,
        ),
        Family(
            "linear",
            {"C": [1.0, 0.1, 0.01, 10.0]},
            _linear_classifier,
            _linear_regressor,
            lambda _, size: 4e-7 * size.rows * size.columns * size.outcomes,
            scaled=True,
        ),
        Family(
            "tree",
            {"max_depth": [6, 4, 8], "min_samples_leaf": [20, 5]},
            lambda given, seed: DecisionTreeClassifier(**{"random_state": seed, **given}),
            lambda given, seed: DecisionTreeRegressor(**{"random_state": seed, **given}),
            lambda _, size: _tree_work(size),
        ),
        Family(
            "forest",
            {"min_samples_leaf": [5, 10, 20], "max_features": ["sqrt", 0.5]},
            lambda given, seed: RandomForestClassifier(**_trees_of_forest(given, seed)),
            lambda given, seed: RandomForestRegressor(**_trees_of_forest(given, seed)),
            _forest_work,
        ),
        Family(
            "hist-boosting",
            {"learning_rate": [0.05, 0.1], "max_leaf_nodes": [15, 7]},
            lambda given, seed: HistGradientBoostingClassifier(**_hist(given, seed)),
            lambda given, seed: HistGradientBoostingRegressor(**_hist(given, seed)),
            lambda given, size: _boosting_work(given.get("max_iter", 200), size),
        ),
        Family(
            "xgboost",
            {
                "learning_rate": [0.05, 0.1],
                "max_depth": [3, 5],
                "min_child_weight": [5, 1],
            },
            _xgb_classifier,
            _xgb_regressor,
            lambda given, size: _boosting_work(given.get("n_estimators", 200), size),
        ),
        Family(
            "lightgbm",
            {"learning_rate": [0.05, 0.1], "num_leaves": [15, 31]},
            lambda given, seed: _lightgbm("LGBMClassifier", given, seed),
            lambda given, seed: _lightgbm("LGBMRegressor", given, seed),
            lambda given, size: _boosting_work(given.get("n_estimators", 200), size),
        ),
    )
}


def candidates(choice: ModelChoice, *, classes: bool) -> list[dict[str, Any]]:
    """The points of a family's grid, the most promising first.

    Raises:
        Complaint: the grid names a hyperparameter that the algorithm does not know.
    """
    for name, text in strange(choice, classes=classes):
        raise Complaint(f"models: {choice.name}.grid.{name}: {text}")
    grid = choice.grid or FAMILIES[choice.name].grid
    # The product with the first value of each list foremost.
    points = list(ParameterGrid({name: list(values) for name, values in grid.items()}))
    rank = {name: list(values) for name, values in grid.items()}
    return sorted(points, key=lambda point: sum(rank[n].index(v) for n, v in point.items()))


def strange(choice: ModelChoice, *, classes: bool | None = None) -> Iterator[tuple[str, str]]:
    """Each hyperparameter of a grid that the algorithm does not take, and why.

    Raises:
        Complaint: the algorithm's library is not installed.
    """
    if choice.name == BLEND:
        yield from ((name, "a blend has no grid; its members have") for name in choice.grid)
        return
    family = FAMILIES[choice.name]
    chosen = [family.classifier, family.regressor]
    if classes is not None:
        chosen = [family.classifier if classes else family.regressor]
    known = {make: _hyperparameters(make, choice.name) for make in chosen}
    for name, values in choice.grid.items():
        knowing = [make for make in chosen if name in known[make]]
        if not knowing:
            near = difflib.get_close_matches(name, sorted(set().union(*known.values())), n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            yield name, f"{choice.name} knows no such hyperparameter{meant}"
        for value in values:
            reasons = [_refusal(make, name, value) for make in knowing]
            if reasons and all(reasons):
                yield name, reasons[0]


def _hyperparameters(make: Callable[[Parameters, int], Any], family: str) -> set[str]:
    own = {"C"} if family == "linear" else set()
    return own | set(make({}, 0).get_params())


def _refusal(make: Callable[[Parameters, int], Any], name: str, value: Any) -> str:
    """What scikit-learn says against a value; of other libraries only a fit finds it out."""
    try:
        estimator = make({name: value}, 0)
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()  # noqa: SLF001 - else it is said by the first fit alone
    except (TypeError, ValueError) as error:
        text = str(error)
        return text[0].lower() + text[1:]
    return ""
