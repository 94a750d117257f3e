"""The stage as a whole: the chosen model on rows that nobody has looked at before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_training.assess import curves, scores, value
from dohyo_training.assess.importance import Importance, importance
from dohyo_training.assess.slices import Fairness, Slice, by_slice
from dohyo_training.assess.slices import fairness as fairness_of
from dohyo_training.assess.treatment import Effect, Observed, assess_treatment
from dohyo_training.build.metrics import loss_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_training.assess.intervals import Estimate
    from dohyo_training.build.model import Model
    from dohyo_training.build.problem import Problem
    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

    # An output, and the threshold of its decisions.
    Decided = tuple[NDArray[np.float64], float | None]

MOST_SLICES: Final = 30
ONE_ANSWER: Final = "one answer for all"


@dataclass(frozen=True)
class Assessment:
    """All that is known of the chosen model.

    Attributes:
        rows: how many were held back.
        metrics: by name, with intervals.
        confusions: by name, such as `threshold 0.25` and `threshold 0.5`.
        money: value by true and predicted class at the threshold, summed; None without values.
        roc, precision_recall, calibration, gain, profit: for two classes.
        answers: predicted against true numbers, for a regression.
        slices: worst first.
        fairness: of each column that the configuration names.
        importance: the most important feature first.
        worth: value of the decisions; None without values.
        effect: of the treatment, if there is one.
        theoretical_threshold: for calibrated probabilities and constant values.
    """

    rows: int
    metrics: Mapping[str, Estimate]
    confusions: Mapping[str, curves.Confusion] = field(default_factory=dict)
    money: NDArray[np.float64] | None = None
    roc: curves.Curve | None = None
    precision_recall: curves.Curve | None = None
    calibration: curves.Calibration | None = None
    gain: value.GainCurve | None = None
    profit: value.ProfitCurve | None = None
    answers: curves.Curve | None = None
    slices: Sequence[Slice] = ()
    fairness: Sequence[Fairness] = ()
    importance: Sequence[Importance] = ()
    worth: value.Worth | None = None
    effect: Effect | None = None
    theoretical_threshold: float | None = None


@dataclass(frozen=True)
class HeldBack:
    """The rows that judge.

    Attributes:
        problem: the outcomes.
        frame: all columns of the table, also those that are no features.
        output: of the chosen model.
        one_answer: what a model puts out that tells no row from another.
        champion: output and threshold of the present champion on the same rows, or None.
    """

    problem: Problem
    frame: pd.DataFrame
    output: NDArray[np.float64]
    one_answer: NDArray[np.float64]
    champion: Decided | None = None


def assess(
    config: RunConfig, table: Table, model: Model, held: HeldBack, metrics: Sequence[str]
) -> Assessment:
    """Judges the chosen model on the rows held back."""
    problem = held.problem
    seed = config.training.seed
    found: dict[str, Any] = {
        "rows": len(problem),
        "metrics": {
            name: scores.estimate(name, problem, held.output, model.threshold, seed)
            for name in metrics
        },
        "slices": _slices(config, table, held),
        "importance": importance(model, problem, metrics[0], seed),
        "worth": _worth(config, model, held),
        "effect": _effect(config, table, model, held),
    }
    if problem.is_classification:
        found["confusions"] = _confusions(problem, held.output, model.threshold)
    else:
        found["answers"] = curves.answers(problem.target.astype(np.float64), held.output)
    if problem.kind == "binary":
        found |= _of_two_classes(problem, held.output)
        act = scores.decided(problem, held.output, model.threshold) == 1
        found["fairness"] = _fairness(config, held, act)
    if problem.cells is not None:
        found["money"] = _money(problem, held.output, model.threshold)
        found["profit"] = value.profit_curve(problem.cells, problem.target == 1, held.output[:, 1])
        found["theoretical_threshold"] = value.theoretical_threshold(problem.cells)
    return Assessment(**found)


def _of_two_classes(problem: Problem, output: NDArray[np.float64]) -> dict[str, Any]:
    positive, p = problem.target == 1, output[:, 1]
    return {
        "roc": curves.roc(positive, p),
        "precision_recall": curves.precision_recall(positive, p),
        "calibration": curves.calibration(positive, p),
        "gain": value.gain_curve(positive, p),
    }


def _confusions(
    problem: Problem, output: NDArray[np.float64], threshold: float | None
) -> dict[str, curves.Confusion]:
    classes = np.asarray(problem.classes, dtype=object)
    truth = problem.target.astype(np.intp)
    if threshold is None:
        predicted = scores.decided(problem, output, None)
        return {"likeliest class": curves.confusion(classes, truth, predicted)}
    return {
        f"threshold {cut:.3g}": curves.confusion(
            classes, truth, scores.decided(problem, output, cut)
        )
        for cut in dict.fromkeys((threshold, 0.5))
    }


def _money(
    problem: Problem, output: NDArray[np.float64], threshold: float | None
) -> NDArray[np.float64]:
    assert problem.cells is not None
    truth = problem.target.astype(np.intp)
    act = scores.decided(problem, output, threshold)
    worth = value.of_decisions(problem.cells, truth == 1, act == 1)
    return np.array(
        [[worth[(truth == row) & (act == column)].sum() for column in (0, 1)] for row in (0, 1)]
    )


def _slices(config: RunConfig, table: Table, held: HeldBack) -> list[Slice]:
    names = config.slices.columns or (*table.features, *table.having("audit-only"))
    columns = held.frame[[name for name in names if name in held.frame]]
    loss = loss_of_rows(held.problem, held.output)
    return by_slice(columns, loss, config.slices.min_rows)[:MOST_SLICES]


def _fairness(config: RunConfig, held: HeldBack, act: NDArray[np.bool_]) -> list[Fairness]:
    positive = held.problem.target == 1
    favourable = config.slices.favourable
    if favourable is not None and favourable != held.problem.classes[1]:
        # The decision that people want is the other one: seen from it, the classes swap.
        positive, act = ~positive, ~act
    found = [
        fairness_of(held.frame[name], positive, act, config.slices.min_rows)
        for name in config.slices.fairness
    ]
    return [one for one in found if one is not None]


def _worth(config: RunConfig, model: Model, held: HeldBack) -> value.Worth | None:
    problem = held.problem
    if not problem.has_value:
        return None
    if problem.cells is None:
        return _worth_of_outputs(held, model.threshold)
    act = scores.decided(problem, held.output, model.threshold) == 1
    others = {}
    if config.value is not None and config.value.baseline is not None:
        others["baseline rule"] = rule_holds(config, held.frame)
    if held.champion is not None:
        others["champion"] = scores.decided(problem, *held.champion) == 1
    return value.worth(problem.cells, problem.target == 1, act, others, problem.groups)


def _worth_of_outputs(held: HeldBack, threshold: float | None) -> value.Worth:
    """For several classes and numbers there is no 'nothing' but the same answer for all rows."""
    others: dict[str, Decided] = {ONE_ANSWER: (held.one_answer, None)}
    if held.champion is not None:
        others["champion"] = held.champion
    return value.Worth(
        scores.estimate("value", held.problem, held.output, threshold),
        {
            name: scores.difference("value", held.problem, (held.output, threshold), other)
            for name, other in others.items()
        },
    )


def rule_holds(config: RunConfig, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Where the baseline rule says to act, [n_rows]; missing values never do."""
    assert config.value is not None
    rule = config.value.baseline
    assert rule is not None
    column = frame[rule.column]
    holds = np.ones(len(frame), dtype=bool)
    if rule.at_least is not None:
        holds &= (column >= rule.at_least).to_numpy(bool)
    if rule.at_most is not None:
        holds &= (column <= rule.at_most).to_numpy(bool)
    if rule.equals is not None:
        holds &= (column == rule.equals).to_numpy(bool)
    return np.asarray(holds & column.notna().to_numpy(bool))


def _effect(config: RunConfig, table: Table, model: Model, held: HeldBack) -> Effect | None:
    treatment = config.task.treatment
    if treatment is None or held.problem.kind == "multiclass":
        return None
    names = table.having("propensity")
    treated = held.frame[treatment.column].astype(str) == str(treatment.treated)
    if not treated.any():
        treated = held.frame[treatment.column] == treatment.treated
    propensity = None
    if names:
        propensity = held.frame[names[0]].to_numpy(np.float64)
    elif isinstance(treatment.propensity, float):
        propensity = np.full(len(held.problem), treatment.propensity)
    good, outcome = _good(held)
    return assess_treatment(
        Observed(
            np.asarray(model.pipeline[0].transform(held.problem.rows), dtype=np.float64),
            outcome,
            treated.to_numpy(bool),
            propensity,
            -good,
        ),
        treatment,
        config.training.seed,
    )


def _good(held: HeldBack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The expected and the observed outcome, each so that more is better, [n_rows]."""
    output, outcome = held.output, held.problem.target.astype(np.float64)
    if output.ndim == 1:
        return output, outcome
    cells = held.problem.cells
    # Where an overlooked positive costs more than a negative, positive is what nobody wants.
    if cells is not None and np.mean(cells.fn) < np.mean(cells.tn):
        return output[:, 0], 1 - outcome
    return output[:, 1], outcome
