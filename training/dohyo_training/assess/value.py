"""Business value: what decisions by a model are worth, row by row, in money.

A decision acts on a row (calls the customer, blocks the payment) where the probability reaches
a threshold. Each row then has one of four values, of its cell in the confusion matrix; they may
differ from row to row when they come from columns of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training.assess.intervals import Estimate, mean_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class CellValues:
    """The value of a row by what was done and what was true; numbers, or one per row.

    Attributes:
        tp: acted, and the outcome was positive.
        fp: acted in vain.
        fn: not acted, though the outcome was positive.
        tn: rightly not acted.
    """

    tp: float | NDArray[np.float64]
    fp: float | NDArray[np.float64]
    fn: float | NDArray[np.float64]
    tn: float | NDArray[np.float64]

    def of_rows(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> CellValues:
        """The values of some of the rows."""
        return CellValues(
            *(
                cell[rows] if isinstance(cell, np.ndarray) else cell
                for cell in (self.tp, self.fp, self.fn, self.tn)
            )
        )


def of_decisions(
    cells: CellValues, positive: NDArray[np.bool_], act: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The value of each row under given decisions, [n_rows]."""
    acted = np.where(positive, cells.tp, cells.fp)
    left = np.where(positive, cells.fn, cells.tn)
    return np.asarray(np.where(act, acted, left), dtype=np.float64)


def expected_gain_of_acting(
    cells: CellValues, probability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What acting is expected to add over leaving a row alone, by its calibrated probability."""
    of_positive = np.asarray(cells.tp) - np.asarray(cells.fn)
    of_negative = np.asarray(cells.fp) - np.asarray(cells.tn)
    return np.asarray(probability * of_positive + (1 - probability) * of_negative)


def theoretical_threshold(cells: CellValues) -> float | None:
    """Elkan's threshold for calibrated probabilities: act from here on.

    None where acting is never or always better, or where the values differ from row to row.
    """
    if any(isinstance(cell, np.ndarray) for cell in (cells.tp, cells.fp, cells.fn, cells.tn)):
        return None
    in_vain = float(cells.tn) - float(cells.fp)
    in_time = float(cells.tp) - float(cells.fn)
    if in_vain <= 0 or in_time <= 0:
        return None
    return in_vain / (in_vain + in_time)


@dataclass(frozen=True)
class ProfitCurve:
    """Mean value per row against the threshold, and the best point of it.

    Attributes:
        thresholds: from high to low; infinity acts on nobody, [n_points].
        values: mean value per row when acting from there on, [n_points].
        acted: share of rows acted on, [n_points].
    """

    thresholds: NDArray[np.float64]
    values: NDArray[np.float64]
    acted: NDArray[np.float64]

    @property
    def best(self) -> int:
        """The place of the best value; of equals the one that acts on fewest rows."""
        return int(np.argmax(self.values))


def profit_curve(
    cells: CellValues, positive: NDArray[np.bool_], probability: NDArray[np.float64]
) -> ProfitCurve:
    """Every threshold that makes a difference on these rows, with what it is worth."""
    order = np.argsort(-probability, kind="stable")
    rows = len(positive)
    gain = of_decisions(cells, positive, np.ones(rows, bool))
    nothing = of_decisions(cells, positive, np.zeros(rows, bool))
    steps = np.cumsum((gain - nothing)[order]) / rows
    ordered = probability[order]
    # Rows of equal probability are acted on together.
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    thresholds = np.append(np.inf, ordered[last_of_equals])
    values = nothing.mean() + np.append(0.0, steps[last_of_equals])
    acted = np.append(0.0, (np.flatnonzero(last_of_equals) + 1) / rows)
    return ProfitCurve(thresholds, values, acted)


def best_threshold(
    cells: CellValues, positive: NDArray[np.bool_], probability: NDArray[np.float64]
) -> float:
    """The threshold with the best value on rows that the model was not fitted on.

    It lies half-way to the next lower probability, and is cut to 0..1, so that rows just like
    the last one acted on are acted on too.
    """
    curve = profit_curve(cells, positive, probability)
    at = curve.best
    if at == 0:
        return 1.0 if float(probability.max(initial=0.0)) < 1.0 else float(np.nextafter(1.0, 2.0))
    here = float(curve.thresholds[at])
    below = float(curve.thresholds[at + 1]) if at + 1 < len(curve.thresholds) else 0.0
    return (here + below) / 2


@dataclass(frozen=True)
class GainCurve:
    """Share of all positives found among the top share of the rows, [n_points] each."""

    share: NDArray[np.float64]
    found: NDArray[np.float64]

    def lift_at(self, share: float) -> float:
        """How many times more positives the top share holds than a random one."""
        return float(np.interp(share, self.share, self.found)) / share


def gain_curve(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> GainCurve:
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(positive[order]) / max(1, int(positive.sum()))
    ordered = score[order]
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    share = np.arange(1, len(order) + 1) / len(order)
    return GainCurve(np.append(0.0, share[last_of_equals]), np.append(0.0, found[last_of_equals]))


@dataclass(frozen=True)
class Worth:
    """What a model's decisions are worth per row, alone and against the alternatives.

    Attributes:
        own: mean value per row.
        against: by the alternative's name, the paired difference per row.
    """

    own: Estimate
    against: Mapping[str, Estimate]

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "own": self.own.as_record(),
            "against": {name: each.as_record() for name, each in self.against.items()},
        }


def worth(
    cells: CellValues,
    positive: NDArray[np.bool_],
    act: NDArray[np.bool_],
    alternatives: Mapping[str, NDArray[np.bool_]],
    clusters: NDArray[np.generic] | None = None,
) -> Worth:
    """Values decisions against doing nothing, acting on all, and given alternatives.

    Alternatives are decisions on the same rows, such as those of a baseline rule or the champion;
    clusters say who each row is about, where somebody may appear more than once.
    """
    own = of_decisions(cells, positive, act)
    rows = len(positive)
    everything = {
        "nothing": np.zeros(rows, bool),
        "all": np.ones(rows, bool),
        **alternatives,
    }
    against = {
        name: mean_of_rows(own - of_decisions(cells, positive, other), clusters)
        for name, other in everything.items()
    }
    return Worth(mean_of_rows(own, clusters), against)
