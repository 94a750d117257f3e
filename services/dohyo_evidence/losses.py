"""How a prediction is scored against its label, and whether two predictions say the same.

A prediction is one or more numbers: a class or a probability of class 1, or one probability per
class, or a value. A label is a number: the class (counted from 0), or the value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.contract.trials import GatePlan

_LEAST_PROBABILITY: Final = 1e-15
# Values closer than this share of the larger one are called the same.
_SAME: Final = 0.01


class LossError(ValueError):
    """A prediction and a label do not fit together under a loss."""


def loss(gate: GatePlan, numbers: Sequence[float], label: float) -> float:
    """The loss of one prediction, before any cap; never negative.

    Raises:
        LossError: the label is none of the classes, or costs lack it.
    """
    if not numbers:
        raise LossError("the prediction's numbers are not known")
    if gate.loss == "squared":
        return (numbers[0] - label) ** 2
    if gate.loss == "zero-one":
        return float(predicted_class(numbers) != label)
    if gate.loss == "cost":
        return _cost(gate.costs or {}, label, predicted_class(numbers))
    probabilities = _probabilities(numbers)
    place = int(label)
    if place != label or not 0 <= place < len(probabilities):
        raise LossError(f"label {label:g} is none of {len(probabilities)} classes counted from 0")
    if gate.loss == "log":
        return -math.log(max(probabilities[place], _LEAST_PROBABILITY))
    errors = (p - (i == place) for i, p in enumerate(probabilities))
    return sum(e * e for e in errors) / 2


def natural_cap(gate: GatePlan) -> float | None:
    """The largest loss that there can be; None where there is none."""
    if gate.loss in ("zero-one", "brier"):
        return 1.0
    if gate.loss == "cost":
        return max((c for row in (gate.costs or {}).values() for c in row.values()), default=1.0)
    return None


def predicted_class(numbers: Sequence[float]) -> float:
    """The likeliest class; a single number is the class itself, or a probability of class 1."""
    if len(numbers) > 1:
        return float(max(range(len(numbers)), key=numbers.__getitem__))
    if 0.0 < numbers[0] < 1.0:
        return float(numbers[0] >= 0.5)
    return numbers[0]


def agree(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two predictions of a row say the same: the same class, or nearly the same value."""
    a, b = predicted_class(one), predicted_class(other)
    return a == b or abs(a - b) <= _SAME * max(abs(a), abs(b))


def costs_by_place(
    costs: Mapping[str, Mapping[str, float]] | None, names: Sequence[str]
) -> Mapping[str, Mapping[str, float]] | None:
    """Costs by the places of classes, where they are told by names; as they are otherwise.

    Args:
        costs: by true label, then by predicted label.
        names: of the classes, in their order; empty while they are not known.
    """
    told = {label for true, row in (costs or {}).items() for label in (true, *row)}
    if costs is None or not told <= set(names):
        return costs
    place = {name: str(number) for number, name in enumerate(names)}
    return {
        place[true]: {place[label]: cost for label, cost in row.items()}
        for true, row in costs.items()
    }


def _probabilities(numbers: Sequence[float]) -> Sequence[float]:
    return numbers if len(numbers) > 1 else (1.0 - numbers[0], numbers[0])


def _cost(costs: Mapping[str, Mapping[str, float]], label: float, predicted: float) -> float:
    try:
        return costs[f"{label:g}"].get(f"{predicted:g}", 0.0)
    except KeyError as error:
        raise LossError(f"costs know no label {label:g}; add it to the gate's costs") from error
