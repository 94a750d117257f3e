"""Estimates that say how far to trust them: every difference here is paired, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
BOOTSTRAPS: Final = 500


@dataclass(frozen=True)
class Estimate:
    """A number, the bounds of its interval, and how they came about."""

    value: float
    low: float
    high: float
    method: str

    def as_record(self) -> dict[str, float | str]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "method": self.method,
        }

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def mean_of_rows(
    rows: NDArray[np.float64],
    clusters: NDArray[np.generic] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The mean of one number per row; rows of one cluster (a customer) count as one witness."""
    n = len(rows)
    mean = float(np.mean(rows)) if n else float("nan")
    if clusters is None:
        deviations = rows - mean
    else:
        _, member = np.unique(clusters, return_inverse=True)
        deviations = np.bincount(member, weights=rows - mean).astype(np.float64)
    witnesses = len(deviations)
    if witnesses < 2:
        return Estimate(mean, float("-inf"), float("inf"), "one witness")
    # The ratio's linearisation; without clusters it is the ordinary standard error.
    error = float(np.sqrt(np.sum(deviations**2) * witnesses / (witnesses - 1)) / n)
    reach = float(stats.t.ppf((1 + confidence) / 2, witnesses - 1)) * error
    by = "rows" if clusters is None else "clusters"
    return Estimate(mean, mean - reach, mean + reach, f"t over {witnesses} {by}")


def share_of_rows(
    rows: NDArray[np.float64],
    clusters: NDArray[np.generic] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The share of rows that are 1, by Wilson's interval: where all are, it still has a width.

    Rows of one cluster count as so many witnesses as the spread between clusters allows.
    """
    found = mean_of_rows(rows, clusters, confidence)
    share, most = found.value, len(rows)
    witnesses: float = most if clusters is None else len(np.unique(clusters))
    if clusters is not None and found.low < found.high < np.inf:
        t = float(stats.t.ppf((1 + confidence) / 2, witnesses - 1))
        variance = ((found.high - share) / t) ** 2
        witnesses = min(most, share * (1 - share) / variance)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = (share + z**2 / (2 * witnesses)) / (1 + z**2 / witnesses)
    spread = np.sqrt(share * (1 - share) / witnesses + z**2 / (4 * witnesses**2))
    reach = float(z * spread / (1 + z**2 / witnesses))
    by = f"{most} rows" if clusters is None else f"{len(np.unique(clusters))} clusters"
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Estimate(share, low, high, f"Wilson over {by}")


def over_folds(
    differences: NDArray[np.float64],
    fitting_rows: NDArray[np.intp],
    judging_rows: NDArray[np.intp],
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The mean of one difference per fold, with Nadeau and Bengio's corrected variance.

    Folds share most of their fitting rows, so their scores agree more than they should: the
    variance of the mean is (1/k + judging/fitting) of that between folds, not 1/k.

    Args:
        differences: of a metric, [k].
        fitting_rows: that each fold was fitted on, [k].
        judging_rows: that it was judged on, [k].
        confidence: of the interval, 0 to 1.

    Returns:
        In the metric's own unit; without limits where there is one fold alone.
    """
    k = len(differences)
    mean = float(np.mean(differences))
    if k < 2:
        return Estimate(mean, float("-inf"), float("inf"), "one fold")
    error = corrected_error(differences, fitting_rows, judging_rows)
    reach = float(stats.t.ppf((1 + confidence) / 2, k - 1)) * error
    return Estimate(mean, mean - reach, mean + reach, f"Nadeau-Bengio over {k} folds")


def corrected_error(
    per_fold: NDArray[np.float64],
    fitting_rows: NDArray[np.intp],
    judging_rows: NDArray[np.intp],
) -> float:
    """The standard error of a mean over folds that share their fitting rows.

    Args:
        per_fold: values or differences of a metric, [k], k at least 2.
        fitting_rows: that each fold was fitted on, [k].
        judging_rows: that it was judged on, [k].
    """
    ratio = float(np.mean(judging_rows / fitting_rows))
    return float(np.sqrt((1 / len(per_fold) + ratio) * np.var(per_fold, ddof=1)))


def auc_difference(
    positive: NDArray[np.bool_],
    challenger: NDArray[np.float64],
    champion: NDArray[np.float64],
    confidence: float = CONFIDENCE,
) -> Estimate:
    """DeLong's interval of AUC(challenger) - AUC(champion) on the same rows.

    Args:
        positive: whether the row is of the positive class, [n_rows].
        challenger: scores, higher for the positive class, [n_rows].
        champion: the same, [n_rows].
        confidence: of the interval, 0 to 1.
    """
    first, first_positive, first_negative = _placements(positive, challenger)
    second, second_positive, second_negative = _placements(positive, champion)
    by_positive = first_positive - second_positive
    by_negative = first_negative - second_negative
    return _delong(first - second, by_positive, by_negative, confidence)


def auc(
    positive: NDArray[np.bool_], score: NDArray[np.float64], confidence: float = CONFIDENCE
) -> Estimate:
    """The area under the ROC curve with DeLong's interval, cut at 0 and 1.

    Args:
        positive: whether the row is of the positive class, [n_rows].
        score: higher for the positive class, [n_rows].
        confidence: of the interval, 0 to 1.
    """
    area, by_positive, by_negative = _placements(positive, score)
    found = _delong(area, by_positive, by_negative, confidence)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.method)


def _delong(
    value: float,
    by_positive: NDArray[np.float64],
    by_negative: NDArray[np.float64],
    confidence: float,
) -> Estimate:
    if len(by_positive) < 2 or len(by_negative) < 2:
        return Estimate(value, float("-inf"), float("inf"), "DeLong, too few of a class")
    variance = np.var(by_positive, ddof=1) / len(by_positive)
    variance += np.var(by_negative, ddof=1) / len(by_negative)
    reach = float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance))
    return Estimate(value, value - reach, value + reach, "DeLong")


def _placements(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The area, and each row's part in it, by mid-ranks (Sun and Xu's fast form)."""
    of_positive, of_negative = score[positive], score[~positive]
    m, n = len(of_positive), len(of_negative)
    ranks = stats.rankdata(np.concatenate([of_positive, of_negative]))
    v_positive = (ranks[:m] - stats.rankdata(of_positive)) / n
    v_negative = 1 - (ranks[m:] - stats.rankdata(of_negative)) / m
    return float(np.mean(v_positive)), v_positive, v_negative


def by_bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    rows: int,
    seed: int,
    draws: int = BOOTSTRAPS,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Percentiles of a statistic over rows drawn with repetition; for what has no formula.

    Args:
        statistic: of the rows at these places; not-a-number where it cannot be said.
        rows: how many there are.
        seed: of the draws.
        draws: how many.
        confidence: of the interval, 0 to 1.
    """
    chance = np.random.default_rng(seed)
    values = [statistic(chance.integers(0, rows, rows)) for _ in range(draws)]
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = statistic(np.arange(rows))
    return Estimate(value, float(low), float(high), f"bootstrap, {draws} draws")
