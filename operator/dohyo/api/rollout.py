"""`spec.rollout`: steps, gates, error budgets and what follows from a verdict."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from dohyo.api.scalars import BY_NAME, Duration, LongText, Model, Name, Number, Percent, ShortText

MAX_STEPS: Final = 20
MAX_GATES: Final = 16

Probability = Annotated[Number, Field(ge=0, le=1)]
ErrorBudget = Annotated[Number, Field(ge=0.0001, le=0.5)]
Ratio = Annotated[Number, Field(ge=1, le=1000)]
Costs = Annotated[dict[str, Number], Field(max_length=32)]
GateMetric = Literal["error-rate", "latency", "loss", "reward", "agreement", "drift", "prometheus"]


class Step(Model):
    """One step of a rollout, the same for each challenger."""

    shadow: Percent | None = None
    """Percent of the requests copied to the challenger, whose answers nobody gets. Absent: 0."""

    weight: Percent | None = None
    """Percent of the requests that the challenger answers. Absent: 0."""

    duration: Duration = Field(alias="for")
    """How long the step lasts at least."""


class Margin(Model):
    """How much worse a challenger may be and still pass as not worse."""

    ratio: Ratio | None = None
    """As a ratio of rates: 1.5 allows one and a half times the champion's rate."""

    absolute: Annotated[Number, Field(ge=0, le=1_000_000)] | None = None
    """As a difference in the gate's own unit."""


class Gate(Model):
    """One question that the evidence must answer before a challenger is promoted."""

    name: Name
    """The gate's name, unique in this rollout."""

    metric: GateMetric
    """What is measured."""

    dry_run: bool = False
    """Measure and report, but let it neither fail nor hold up the rollout."""

    harm_ratio: Ratio | None = None
    """error-rate, latency: fails when the challenger's rate is proven to be above this many
    times the champion's."""

    min_excess: Probability | None = None
    """error-rate, latency: and, for failing, the difference of the rates must be proven to be
    above this."""

    max_absolute: Probability | None = None
    """error-rate, latency: fails when the challenger's own rate is proven to be above this."""

    margin: Margin | None = None
    """How much worse is still not worse. Absent: the gate passes only as not shown harmful."""

    codes: (
        Annotated[tuple[Annotated[str, Field(max_length=32)], ...], Field(max_length=32)] | None
    ) = None
    """error-rate: further HTTP statuses or gRPC codes that count as errors."""

    cut: Literal["p50", "p90", "p95", "p99", "p99.9"] | None = None
    """latency: the champion's quantile that slow requests lie beyond, frozen at the trial's
    start."""

    slo: Duration | None = None
    """latency: requests slower than this are slow, whatever the champion does."""

    loss: Literal["zero-one", "log", "brier", "squared", "cost"] | None = None
    """loss: how a prediction is scored against its label."""

    cap: Annotated[Number, Field(ge=0, le=1_000_000_000)] | None = None
    """loss, reward: a larger score counts as this one. Absent: frozen from the champion."""

    costs: Annotated[dict[str, Costs], Field(max_length=32)] | None = None
    """loss: the costs of each prediction by its true label, when loss is cost; classes by their
    names, or counted from 0."""

    goal: Literal["superior", "non-inferior"] | None = None
    """loss, reward: what must be proven. Absent: superior."""

    min_agreement: Probability | None = None
    """agreement: the least share of shadow pairs in which both versions say the same."""

    max_psi: Annotated[Number, Field(ge=0, le=100)] | None = None
    """drift: the largest population stability index of any feature."""

    features: Annotated[tuple[ShortText, ...], Field(max_length=64)] | None = None
    """drift: the features to look at. Absent: all of the reference profile."""

    query: LongText | None = None
    """prometheus: a query with one number as its answer."""

    min: Number | None = None
    """prometheus: fails below this."""

    max: Number | None = None
    """prometheus: fails above this."""


class Alpha(Model):
    """The error budgets of a trial, split over its gates and challengers."""

    harm: ErrorBudget = 0.05
    """The largest probability that a harmless challenger is rolled back."""

    promote: ErrorBudget = 0.05
    """The largest probability that a challenger is promoted that is not as good as the gates
    ask."""


class Labels(Model):
    """How true outcomes arrive."""

    max_delay: Duration = "3d"
    """Predictions are scored once they are this old."""

    missing: Literal["exclude", "worst"] = "exclude"
    """What a prediction without a label counts as: nothing, or the worst score."""

    independent_of_prediction: bool = False
    """Whether the label would come, and be the same, whatever was predicted; lets shadow pairs
    decide."""


class Bandit(Model):
    """The limits of allocation by Thompson sampling."""

    floor: Annotated[Percent, Field(ge=0, le=50)] = 10.0
    """Percent of the requests that each version keeps while the decision is open."""


class RolloutSpec(Model):
    """How challengers gain weight, and by which evidence they are promoted or rolled back."""

    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS)] = ()
    """The steps, one after another; after the last one a challenger that passed every gate is
    promoted."""

    allocation: Literal["steps", "bandit"] = "steps"
    """Who sets the weights: the steps, or Thompson sampling."""

    bandit: Bandit = Bandit()
    """The limits of allocation by Thompson sampling."""

    gates: Annotated[tuple[Gate, ...], Field(max_length=MAX_GATES, json_schema_extra=BY_NAME)] = ()
    """The questions that the evidence must answer. All must pass."""

    alpha: Alpha = Alpha()
    """The error budgets of a trial."""

    labels: Labels = Labels()
    """How true outcomes arrive."""

    max_duration: Duration = "14d"
    """After this long without a decision a trial is inconclusive."""

    progress_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """After this long without becoming ready a version is called failed."""

    on_pass: Literal["Promote", "Pause"] = "Promote"  # noqa: S105
    """What follows when every gate has passed."""

    on_fail: Literal["Rollback", "Pause"] = "Rollback"
    """What follows when a gate has failed."""

    on_inconclusive: Literal["Pause", "Rollback"] = "Pause"
    """What follows when there is no decision in time."""

    on_new_challenger: Literal["Parallel", "Queue", "Replace"] = "Parallel"
    """What a challenger does that is added while another one is on trial."""
