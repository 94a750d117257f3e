"""Does a challenger beat the champion? Judged on the same rows, and only when it can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from dohyo_training.assess import scores
from dohyo_training.assess.intervals import Estimate, by_bootstrap
from dohyo_training.build.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem
    from dohyo_training.config import RunConfig

Outcome = Literal["wins", "loses", "undecided"]

# 1 is any error and 2 a wrong command line, so the verdicts that do not promote begin at 3.
EXIT_CODES: Final[dict[Outcome, int]] = {"wins": 0, "loses": 3, "undecided": 4}


@dataclass(frozen=True)
class Contender:
    """What one version says about the rows that judge.

    Attributes:
        name: its tag, or the name that the text calls it.
        output: probabilities [n_rows, n_classes], or numbers [n_rows].
        threshold: of its decisions; None unless binary.
        row_microseconds: median time of one row in its served form; None when not measured.
    """

    name: str
    output: NDArray[np.float64]
    threshold: float | None = None
    row_microseconds: float | None = None


@dataclass(frozen=True)
class Guardrail:
    """One thing that must not get worse.

    Attributes:
        name: as the configuration writes it.
        found: challenger less champion, turned so that more is better; for latency the time.
        bound: how far below zero the interval may reach; for latency the greatest time.
        passed: whether it stays within.
    """

    name: str
    found: Estimate
    bound: float
    passed: bool

    def __str__(self) -> str:
        state = "held" if self.passed else "broken"
        if self.name == "latency_us":
            return f"guardrail latency {state}: {self.found.value:.1f} of {self.bound:g} us"
        lowest = self.found.low
        return f"guardrail {self.name} {state}: at worst {lowest:+.5g}, allowed {-self.bound:g}"


@dataclass(frozen=True)
class Verdict:
    """The outcome of a comparison.

    Attributes:
        outcome: wins, loses or undecided.
        metric: that decides.
        found: challenger less champion, turned so that more is better.
        guardrails: all that the configuration names.
        rows: on how many rows.
        challenger, champion: what they are called.
    """

    outcome: Outcome
    metric: str
    found: Estimate
    guardrails: tuple[Guardrail, ...]
    rows: int
    challenger: str
    champion: str

    @property
    def text(self) -> str:
        """For the reader, one line for the outcome and one for each guardrail."""
        return "\n".join([self._headline(), *map(str, self.guardrails)])

    def _headline(self) -> str:
        says = {
            "wins": f"{self.challenger} beats {self.champion}",
            "loses": f"{self.challenger} is worse than {self.champion}",
            "undecided": f"{self.challenger} is not shown to beat {self.champion}, which stays",
        }[self.outcome]
        found = self.found
        return (
            f"{says}: {self.metric} {found.value:+.5g} (95 % interval {found.low:+.5g} to "
            f"{found.high:+.5g}, {self.rows} rows, {found.method}; more is better)"
        )

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]

    def as_record(self) -> dict[str, Any]:
        """JSON values for the record of the run."""
        return {
            "outcome": self.outcome,
            "champion": self.champion,
            "metric": self.metric,
            "difference": self.found.as_record(),
            "rows": self.rows,
            "guardrails": [
                {
                    "name": one.name,
                    "difference": one.found.as_record(),
                    "bound": one.bound,
                    "passed": one.passed,
                }
                for one in self.guardrails
            ],
        }


def compare(
    config: RunConfig,
    problem: Problem,
    frame: pd.DataFrame,
    challenger: Contender,
    champion: Contender,
) -> Verdict:
    """Compares two versions on the rows of `problem`; `frame` holds all their columns."""
    metric = primary_metric(config, problem)
    found = scores.better(
        metric,
        scores.difference(
            metric,
            problem,
            (challenger.output, challenger.threshold),
            (champion.output, champion.threshold),
            config.training.seed,
        ),
    )
    guardrails = tuple(_guardrails(config, problem, frame, challenger, champion))
    outcome = _outcome(found, guardrails)
    names = challenger.name, champion.name
    return Verdict(outcome, metric, found, guardrails, len(problem), *names)


def primary_metric(config: RunConfig, problem: Problem) -> str:
    """What decides: as configured, else value if decisions have one, else the training metric."""
    if config.gates.primary != "auto":
        return config.gates.primary
    if problem.has_value:
        return "value"
    return config.training.metric or DEFAULT_METRIC[problem.kind]


def _outcome(found: Estimate, guardrails: tuple[Guardrail, ...]) -> Outcome:
    if found.high < 0 or any(not one.passed and one.found.high < 0 for one in guardrails):
        return "loses"
    if found.low > 0 and all(one.passed for one in guardrails):
        return "wins"
    return "undecided"


def _guardrails(
    config: RunConfig,
    problem: Problem,
    frame: pd.DataFrame,
    challenger: Contender,
    champion: Contender,
) -> list[Guardrail]:
    asked = config.gates.guardrails
    pair = (challenger.output, challenger.threshold), (champion.output, champion.threshold)
    found = []
    for metric in ("roc_auc", "log_loss", "rmse"):
        bound = getattr(asked, metric)
        fits = (metric == "rmse") == (problem.kind == "regression")
        if bound is not None and fits:
            difference = scores.difference(metric, problem, *pair, config.training.seed)
            difference = scores.better(metric, difference)
            found.append(Guardrail(metric, difference, bound, difference.low > -bound))
    if asked.worst_group is not None and problem.kind == "binary":
        for name in config.slices.fairness:
            difference = _worst_group(config, problem, frame[name], challenger, champion)
            passed = difference.low > -asked.worst_group
            found.append(Guardrail(f"worst_group {name}", difference, asked.worst_group, passed))
    if asked.latency_us is not None and challenger.row_microseconds is not None:
        time = challenger.row_microseconds
        estimate = Estimate(time, time, time, "median")
        found.append(Guardrail("latency_us", estimate, asked.latency_us, time <= asked.latency_us))
    return found


def _worst_group(
    config: RunConfig,
    problem: Problem,
    column: pd.Series,
    challenger: Contender,
    champion: Contender,
) -> Estimate:
    """The recall of the group that fares worst, challenger's less champion's."""
    positive = problem.target == 1
    levels, member = np.unique(column.astype(str).to_numpy(), return_inverse=True)
    hits = [
        (scores.decided(problem, one.output, one.threshold) == 1) & positive
        for one in (challenger, champion)
    ]
    enough = np.bincount(member, positive, len(levels)) >= config.slices.min_rows

    def of(drawn: NDArray[np.intp]) -> float:
        of_group = np.bincount(member[drawn], positive[drawn], len(levels))
        new, old = (
            np.bincount(member[drawn], hit[drawn], len(levels))[enough] / of_group[enough]
            for hit in hits
        )
        return float(np.nanmin(new) - np.nanmin(old))

    if not enough.any():
        return Estimate(0.0, float("-inf"), float("inf"), "no group has enough rows")
    return by_bootstrap(of, len(problem), config.training.seed)
