"""What a treatment adds, and for whom: from an experiment as a measure, otherwise as a ranking.

Where chance assigned the treatment, treated and untreated rows are alike and Radcliffe's Qini
curve measures a targeting policy. Where people chose, it may order policies wrongly without any
sign of it; the doubly robust scores (AIPW) still order them, but their intervals are too narrow
to be proof. How well the treatment can be predicted (propensity AUC) tells the cases apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import stats

from dohyo_training.assess.intervals import Estimate, mean_of_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Between 0.58, where naive Qini still ordered policies rightly, and 0.69, where it never did.
MOST_PROPENSITY_AUC: Final = 0.6
# Beyond this hardly anybody has a twin in the other arm.
NO_OVERLAP_AUC: Final = 0.95
# Weights of single rows beyond 1/0.01 decide everything; such rows are held at this propensity.
LEAST_PROPENSITY: Final = 0.01

Method = Literal["qini", "doubly-robust", "refused"]

A_RANKING = (
    "the treatment was chosen, not drawn: these numbers rank policies, they prove no effect; "
    "give a random slice of customers the treatment by chance (a small traffic weight supplies "
    "one) and assess again"
)


@dataclass(frozen=True)
class Trial:
    """Rows of a treatment.

    Attributes:
        outcome: what the treatment should raise, [n_rows].
        treated: whether the row got it, [n_rows].
        propensity: probability of getting it, known or estimated on other rows, [n_rows].
        if_treated: expected outcome with it, from models fitted on other rows, [n_rows].
        if_not: expected outcome without it, likewise, [n_rows].
    """

    outcome: NDArray[np.float64]
    treated: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    if_treated: NDArray[np.float64]
    if_not: NDArray[np.float64]


def propensity_auc(treated: NDArray[np.bool_], propensity: NDArray[np.float64]) -> float:
    """How well the treatment can be told from the row: 0.5 under pure chance."""
    ranks = stats.rankdata(propensity)
    n1 = int(treated.sum())
    n0 = len(treated) - n1
    if n1 == 0 or n0 == 0:
        return 1.0
    return float((ranks[treated].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def choose_method(auc: float, *, declared_randomised: bool) -> tuple[Method, str]:
    """How the treatment may be judged, and the warning that goes with it ('' for none)."""
    if auc > NO_OVERLAP_AUC:
        return "refused", (
            f"who got the treatment can be told almost surely (AUC {auc:.2f}): nobody has a twin "
            "in the other arm, so nothing can be compared; draw a random slice"
        )
    if auc <= MOST_PROPENSITY_AUC:
        if declared_randomised:
            return "qini", ""
        return "doubly-robust", A_RANKING
    if declared_randomised:
        return "doubly-robust", (
            f"the configuration says that chance assigned the treatment, yet it can be told from "
            f"the row (AUC {auc:.2f}); Qini would mislead. " + A_RANKING
        )
    return "doubly-robust", f"propensity AUC {auc:.2f}: Qini would mislead. " + A_RANKING


def effects_of_rows(trial: Trial) -> NDArray[np.float64]:
    """The doubly robust effect of each row, [n_rows]; their mean estimates the average effect."""
    e = np.clip(trial.propensity, LEAST_PROPENSITY, 1 - LEAST_PROPENSITY)
    weight = np.where(trial.treated, 1 / e, -1 / (1 - e))
    expected = np.where(trial.treated, trial.if_treated, trial.if_not)
    effects = trial.if_treated - trial.if_not + weight * (trial.outcome - expected)
    return np.asarray(effects, dtype=np.float64)


def average_effect(trial: Trial) -> Estimate:
    """The average effect of the treatment, doubly robust."""
    return mean_of_rows(effects_of_rows(trial))


def difference_in_means(outcome: NDArray[np.float64], treated: NDArray[np.bool_]) -> Estimate:
    """The average effect under chance: treated against untreated, by Welch's interval."""
    with_it, without = outcome[treated], outcome[~treated]
    value = float(with_it.mean() - without.mean())
    error = np.sqrt(with_it.var(ddof=1) / len(with_it) + without.var(ddof=1) / len(without))
    reach = float(stats.norm.ppf(0.975) * error)
    return Estimate(value, value - reach, value + reach, "difference in means")


def ranking_area(effects: NDArray[np.float64], score: NDArray[np.float64]) -> Estimate:
    """How much more effect per row a ranking reaches than a random one, over all depths."""
    return mean_of_rows(_contributions(effects, score))


def ranking_difference(
    effects: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> Estimate:
    """Area of the first ranking less that of the second, paired on the same rows."""
    return mean_of_rows(_contributions(effects, first) - _contributions(effects, second))


def _contributions(effects: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    # The area between the cumulative gain and its chord is linear in the effects, given the ranks.
    place = (stats.rankdata(-score) - 0.5) / len(score)
    return np.asarray(effects * (0.5 - place), dtype=np.float64)


def policy_value(
    effects: NDArray[np.float64], treat: NDArray[np.bool_], worth: float, cost: float
) -> Estimate:
    """Value per row of treating some rows: worth of a unit of effect less the cost of treating.

    Args:
        effects: what treating adds to the outcome of a row, estimated without bias, [n_rows].
        treat: whom the policy treats, [n_rows].
        worth: of one unit of the outcome, in money.
        cost: of treating one row, in money.
    """
    return mean_of_rows(np.where(treat, worth * effects - cost, 0.0))


@dataclass(frozen=True)
class QiniCurve:
    """Extra outcomes against the number of rows treated, in the order of a score.

    Attributes:
        treated: rows counted so far, [n_points].
        gain: Y_t(k) - Y_c(k) n_t(k) / n_c(k), [n_points].
    """

    treated: NDArray[np.float64]
    gain: NDArray[np.float64]


def qini_curve(
    outcome: NDArray[np.float64], treated: NDArray[np.bool_], score: NDArray[np.float64]
) -> QiniCurve:
    """The curve of a score; rows of equal score are counted together.

    Args:
        outcome: more is better, [n_rows].
        treated: by chance, [n_rows].
        score: whom to treat first, the highest first, [n_rows].
    """
    order = np.argsort(-score, kind="stable")
    y, t = outcome[order], treated[order]
    ordered = score[order]
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    n_t, n_c = np.cumsum(t), np.cumsum(~t)
    y_t, y_c = np.cumsum(y * t), np.cumsum(y * ~t)
    gain = y_t - np.divide(y_c * n_t, n_c, out=np.zeros(len(y)), where=n_c > 0)
    rows = np.arange(1, len(y) + 1)
    return QiniCurve(
        np.append(0.0, rows[last_of_equals]).astype(float),
        np.append(0.0, gain[last_of_equals]),
    )


def qini_coefficient(
    outcome: NDArray[np.float64], treated: NDArray[np.bool_], score: NDArray[np.float64]
) -> float:
    """Area over the random line, as a share of the perfect ranking's; outcomes are 0 or 1."""
    random = _area_over_chord(qini_curve(outcome, treated, score))
    # Perfect: responders among the treated first, responders among the untreated last.
    perfect_score = outcome * np.where(treated, 1.0, -1.0)
    perfect = _area_over_chord(qini_curve(outcome, treated, perfect_score))
    return random / perfect if perfect else 0.0


def qini_area_per_row(
    outcome: NDArray[np.float64], treated: NDArray[np.bool_], score: NDArray[np.float64]
) -> float:
    """Area over the random line divided by n squared; comparable between tables."""
    return _area_over_chord(qini_curve(outcome, treated, score)) / len(outcome) ** 2


def _area_over_chord(curve: QiniCurve) -> float:
    under = float(np.trapezoid(curve.gain, curve.treated))
    return under - float(curve.gain[-1] * curve.treated[-1] / 2)
