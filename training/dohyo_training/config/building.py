"""How models are built, compared and chosen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dohyo_training.config.base import Duration, Level, Section, Share

ModelName = Literal["linear", "tree", "forest", "hist-boosting", "xgboost", "lightgbm", "blend"]
Metric = Literal[
    "accuracy",
    "balanced_accuracy",
    "brier",
    "f1",
    "log_loss",
    "mae",
    "mse",
    "r2",
    "rmse",
    "roc_auc",
    "value",
]
DEFAULT_MODELS: tuple[ModelName, ...] = (
    "linear",
    "tree",
    "forest",
    "hist-boosting",
    "xgboost",
    "blend",
)


class Folds(Section):
    """How rows are parted into those that are learned from and those that judge."""

    k: Annotated[int, Field(ge=2, le=20)] = 5
    scheme: Literal["auto", "time", "group", "stratified", "random"] = "auto"
    """`auto`: by time with an event date, else by group if there is one, else stratified for
    classes and random for numbers."""
    test_share: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    """Rows held back until the end; the latest ones when the folds go by time."""
    gap: Duration | None = None
    """Time left out between learning and judging rows, when outcomes come late."""
    seed: int = 1


class ModelChoice(Section):
    """One algorithm, with a grid of its own if the default one does not do."""

    name: ModelName
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    """Hyperparameter → values to try; absent: the default grid."""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Model = Annotated[
    ModelChoice, BeforeValidator(_named, json_schema_input_type=ModelName | ModelChoice)
]


class Search(Section):
    """How hyperparameters are searched."""

    kind: Literal["auto", "grid", "halving", "optuna"] = "auto"
    """`auto`: grid search, and successive halving above `halving_above_rows`."""
    halving_above_rows: Annotated[int, Field(ge=100)] = 20_000
    budget_cpu_seconds: Annotated[float, Field(gt=0)] | None = None
    """Algorithms whose turn would come after so much CPU time are left out, and listed so."""
    trials: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Of Optuna, for each algorithm."""
    backend: Literal["local", "dask", "ray"] = "local"
    address: str = ""
    """Of the scheduler of Dask or Ray; empty: the one that the environment names."""
    jobs: Annotated[int, Field(ge=-1)] = -1
    """Processes; -1 is one for each core, and none beside the run's own where so little work is
    planned that starting them would cost more."""


class Training(Section):
    """What is said to every algorithm, and done with the chosen one."""

    metric: Metric | None = None
    """Decides between models; default: roc_auc, log_loss (several classes) or rmse."""
    metrics: tuple[Metric, ...] = ()
    """Reported besides those that always are."""
    class_weight: Literal["none", "balanced"] | dict[str, float] = "none"
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto"
    """`auto`: sigmoid where it lowers the log loss of the folds."""
    threshold: Literal["auto"] | Share = "auto"
    """Of the decision; `auto`: the most valuable one of the folds, 0.5 without `value`."""
    one_standard_error: bool = True
    """Whether the cheapest model within one standard error of the best is chosen."""
    seed: int = 1


class Slices(Section):
    """Groups for which the errors are shown one by one."""

    columns: tuple[str, ...] = ()
    """Features or audit-only columns."""
    fairness: tuple[str, ...] = ()
    """Columns of groups that must not fare worse; mostly audit-only ones."""
    min_rows: Annotated[int, Field(ge=1)] = 50
    favourable: Level | None = None
    """The decision that a group wants to get; default: the positive one."""
