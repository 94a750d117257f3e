"""What a decision is worth, and what a version must reach to be taken."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from dohyo_training.config.base import ColumnName, Level, Section, Share

Amount = float | ColumnName


class Rule(Section):
    """A rule of thumb on one column, to compare with: positive where it holds."""

    column: ColumnName
    at_least: float | None = None
    at_most: float | None = None
    equals: Level | None = None


class Value(Section):
    """Money for each decision: a number, or the name of a column that holds it row by row."""

    true_positive: Amount = 0.0
    false_positive: Amount = 0.0
    false_negative: Amount = 0.0
    true_negative: Amount = 0.0
    matrix: dict[str, dict[str, float]] = Field(default_factory=dict)
    """For several classes: actual → predicted → value."""
    under: float = 0.0
    """Regression: cost of each unit that a prediction is too low."""
    over: float = 0.0
    """Regression: cost of each unit that a prediction is too high."""
    currency: str = "EUR"
    per: str = "row"
    """What one row is: customer, parcel, call."""
    baseline: Rule | None = None


class Guardrails(Section):
    """How much worse than the champion a version may be, with 95 % confidence."""

    roc_auc: Share | None = None
    log_loss: Annotated[float, Field(ge=0)] | None = None
    rmse: Annotated[float, Field(ge=0)] | None = None
    worst_group: Share | None = None
    """Loss of recall in the group of `slices.fairness` that fares worst."""
    latency_us: Annotated[float, Field(gt=0)] | None = None
    """Bound on the median time of one row, in microseconds; not a difference."""


class Gates(Section):
    """When a version may leave the house."""

    primary: str = "auto"
    """The metric that must be better than the champion's: `value` or a metric; `auto`: value if
    there is one, else `training.metric`."""
    guardrails: Guardrails = Guardrails()
    parity: Annotated[float, Field(gt=0)] = 1e-5
    """Greatest difference between the served form and the scikit-learn pipeline."""


def _archive(value: str) -> str:
    if value and not value.endswith(".bento"):
        raise ValueError("is no archive of BentoML; end it in .bento")
    return value


class Output(Section):
    """What the run leaves."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?$")]
    """Of the bento."""
    version: Annotated[str, Field(pattern="^(auto|[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?)$")] = "auto"
    """Of the bento; `auto`: from the content of data, configuration and code."""
    folder: str = "build/training"
    """For the report, the record and the state of an unfinished run; relative to the
    configuration."""
    archive: Annotated[str, AfterValidator(_archive)] = ""
    """File that the bento is exported to, ending in `.bento`, for the `uri` of a version; relative
    to the configuration; empty: none."""
    mlflow: str = ""
    """Tracking URI that the run is written to as well; empty: none."""
