"""The uplift of the treatment that the configuration names, from the table to a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold

from dohyo_training.assess import intervals, uplift
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dohyo_training.assess.intervals import Estimate
    from dohyo_training.config.task import Treatment

    Scores = Mapping[str, NDArray[np.float64]]

FOLDS: Final = 3
# Nuisance models need rows, and beyond these they need time more.
MOST_ROWS: Final = 20_000
FEWEST_OF_AN_ARM: Final = 50


@dataclass(frozen=True)
class Effect:
    """What is known of a treatment's effect.

    Attributes:
        method: qini, doubly-robust or refused.
        warning: why the numbers are less than proof; empty under chance.
        propensity_auc: how well the treatment can be told from the row.
        rows, treated: counts.
        average: the average effect; None when refused.
        policies: by name, the area of its ranking over a random one.
        better: effect first less worst first, paired.
        value: of treating the rows whose expected effect pays, per row; None without amounts.
        qini: by policy the Qini coefficient; only under chance.
        curves: by policy the Qini curve; only under chance.
    """

    method: uplift.Method
    warning: str
    propensity_auc: float
    rows: int
    treated: int
    average: Estimate | None = None
    policies: Mapping[str, Estimate] = field(default_factory=dict)
    better: Estimate | None = None
    value: Estimate | None = None
    qini: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, uplift.QiniCurve] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """JSON values, without the curves."""
        return {
            "method": self.method,
            "warning": self.warning,
            "propensity_auc": self.propensity_auc,
            "rows": self.rows,
            "treated": self.treated,
            "average_effect": self.average.as_record() if self.average else None,
            "policies": {name: area.as_record() for name, area in self.policies.items()},
            "effect_first_less_worst_first": self.better.as_record() if self.better else None,
            "value_per_row": self.value.as_record() if self.value else None,
            "qini": dict(self.qini),
        }


@dataclass(frozen=True)
class Observed:
    """Rows of a treatment.

    Attributes:
        x: features as numbers, [n_rows, n_columns].
        outcome: 0 or 1, or a number; more is better, [n_rows].
        treated: whether the row was treated, [n_rows].
        propensity: the known probability of the treatment, [n_rows], or None.
        risk: how badly the row is expected to end, by the chosen model, [n_rows].
    """

    x: NDArray[np.float64]
    outcome: NDArray[np.float64]
    treated: NDArray[np.bool_]
    propensity: NDArray[np.float64] | None
    risk: NDArray[np.float64]


def assess_treatment(given: Observed, treatment: Treatment, seed: int) -> Effect:
    """Estimates what the treatment adds and for whom.

    Raises:
        Complaint: one arm has too few rows.
    """
    observed = _sampled(given, seed)
    _refuse_few(observed)
    told = _told_from_row(observed, seed)
    auc = uplift.propensity_auc(observed.treated, told)
    method, warning = uplift.choose_method(
        _judged(auc, told, observed, treatment), declared_randomised=treatment.randomised
    )
    known = Effect(method, warning, auc, len(observed.treated), int(observed.treated.sum()))
    if method == "refused":
        return known
    trial = nuisances(observed, seed)
    scores = {"effect first": trial.if_treated - trial.if_not, "worst first": observed.risk}
    known = _of_rows(known, trial, scores, treatment)
    constant = observed.propensity is None or np.ptp(observed.propensity) == 0
    return _under_chance(known, trial, scores) if method == "qini" and constant else known


def _refuse_few(observed: Observed) -> None:
    smaller = min(int(observed.treated.sum()), int((~observed.treated).sum()))
    if smaller < FEWEST_OF_AN_ARM:
        raise Complaint(
            f"task.treatment: {smaller} rows in the smaller arm are too few to estimate an effect; "
            f"bring {FEWEST_OF_AN_ARM}, or leave the treatment out"
        )


def _of_rows(known: Effect, trial: uplift.Trial, scores: Scores, treatment: Treatment) -> Effect:
    """With what the effect of each row, estimated doubly robustly, says of the policies."""
    effects = uplift.effects_of_rows(trial)
    return replace(
        known,
        average=uplift.average_effect(trial),
        policies={name: uplift.ranking_area(effects, score) for name, score in scores.items()},
        better=uplift.ranking_difference(effects, scores["effect first"], scores["worst first"]),
        value=_value(effects, scores["effect first"], treatment),
    )


def _under_chance(known: Effect, trial: uplift.Trial, scores: Scores) -> Effect:
    """With what only a treatment by chance allows: plain means, and Qini."""
    outcome, treated = trial.outcome, trial.treated
    return replace(
        known,
        average=uplift.difference_in_means(outcome, treated),
        qini={
            name: uplift.qini_coefficient(outcome, treated, score) for name, score in scores.items()
        },
        curves={name: uplift.qini_curve(outcome, treated, score) for name, score in scores.items()},
    )


def _judged(
    auc: float, told: NDArray[np.float64], observed: Observed, treatment: Treatment
) -> float:
    """The propensity AUC that the method is chosen by."""
    if not treatment.randomised:
        return auc
    # A claim of chance is only denied where few rows do not explain it.
    shown = max(0.5, intervals.auc(observed.treated, told).low)
    if observed.propensity is None:
        return shown
    # A known chance that differs from row to row is no flaw: what is judged is the rest.
    known = uplift.propensity_auc(observed.treated, observed.propensity)
    return 0.5 + max(0.0, shown - max(known, 0.5))


def _value(
    effects: NDArray[np.float64], expected: NDArray[np.float64], treatment: Treatment
) -> Estimate | None:
    if treatment.value == 0:
        return None
    pays = expected * treatment.value > treatment.cost
    return uplift.policy_value(effects, pays, treatment.value, treatment.cost)


def nuisances(observed: Observed, seed: int) -> uplift.Trial:
    """Expected outcomes and propensities of each row, by models of the other folds."""
    rows = len(observed.treated)
    if_treated, if_not, propensity = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    folding = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fitting, judging in folding.split(observed.x, observed.treated):
        x, t, y = observed.x[fitting], observed.treated[fitting], observed.outcome[fitting]
        if_treated[judging] = _expectation(x[t], y[t], observed.x[judging], seed)
        if_not[judging] = _expectation(x[~t], y[~t], observed.x[judging], seed)
        if observed.propensity is None:
            propensity[judging] = _expectation(x, t.astype(float), observed.x[judging], seed)
    if observed.propensity is not None:
        propensity = observed.propensity
    return uplift.Trial(observed.outcome, observed.treated, propensity, if_treated, if_not)


def _told_from_row(observed: Observed, seed: int) -> NDArray[np.float64]:
    """The propensity as the row betrays it, by models of the other folds, [n_rows]."""
    told = np.zeros(len(observed.treated))
    folding = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    t = observed.treated.astype(float)
    for fitting, judging in folding.split(observed.x, observed.treated):
        told[judging] = _expectation(observed.x[fitting], t[fitting], observed.x[judging], seed)
    return told


def _expectation(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    settings = {
        "max_iter": 80,
        "max_leaf_nodes": 15,
        "learning_rate": 0.08,
        "min_samples_leaf": 40,
        "early_stopping": False,
        "random_state": seed,
    }
    values = np.unique(y)
    if len(values) == 1:
        return np.full(len(at), values[0])
    if set(values.tolist()) <= {0.0, 1.0}:
        fitted = HistGradientBoostingClassifier(**settings).fit(x, y)
        return np.asarray(fitted.predict_proba(at)[:, 1])
    return np.asarray(HistGradientBoostingRegressor(**settings).fit(x, y).predict(at))


def _sampled(given: Observed, seed: int) -> Observed:
    if len(given.treated) <= MOST_ROWS:
        return given
    chance = np.random.default_rng(seed)
    taken = np.sort(chance.choice(len(given.treated), MOST_ROWS, replace=False))
    propensity = None if given.propensity is None else given.propensity[taken]
    return Observed(
        given.x[taken], given.outcome[taken], given.treated[taken], propensity, given.risk[taken]
    )
