"""Champion and challenger may have the same classes in another order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dohyo.contract.trials import GatePlan, TrialPlan
from dohyo_evidence.assembly import Settled, order_of, score_units

# By the champion's classes, benign and malignant: to miss a malignant one costs five times as much.
COSTS = {"1": {"0": 5.0}, "0": {"1": 1.0}}
GATES = (
    GatePlan("money", "loss", loss="cost", costs=COSTS, pass_effect=0.0),
    GatePlan("log", "loss", loss="log", pass_effect=0.0),
)


def settled(order: tuple[int, ...], numbers: str, label: float) -> Settled:
    """One unit of the challenger."""
    unit: dict[str, Any] = {"unit": "u", "at": 1.0, "challenger": True}
    asked: dict[str, Any] = {**unit, "nonce": "n", "rows": 1, "request": "r", "numbers": numbers}
    plan = TrialPlan("shop", "m", "t", "a", "b", "s", "entity", 0.0, gates=GATES)
    return Settled(
        plan,
        [SimpleNamespace(**unit, champion_share=5_000, challenger_share=5_000)],
        [SimpleNamespace(**asked, shadow=False)],
        [SimpleNamespace(**asked, row=0, label=label, reward=None)],
        order,
    )


def test_the_order_is_told_where_it_differs_and_nothing_else_does() -> None:
    assert order_of(["no", "yes"], ["yes", "no"]) == (1, 0)
    assert order_of(["a", "b", "c"], ["c", "a", "b"]) == (1, 2, 0)
    assert order_of(["no", "yes"], ["no", "yes"]) == ()
    assert order_of(["no", "yes"], ["no", "perhaps"]) == ()
    assert order_of(["no", "yes"], []) == ()


@pytest.mark.parametrize(
    ("order", "numbers", "label"),
    [
        ((), "0.75,0.25", 1.0),  # benign, said of a malignant one
        ((1, 0), "0.25,0.75", 0.0),  # the same by a challenger that names malignant first
    ],
)
def test_a_challenger_pays_by_the_champion_s_classes(
    order: tuple[int, ...], numbers: str, label: float
) -> None:
    ((unit,), _) = score_units(settled(order, numbers, label), {})
    assert unit.scores == {"money": 5.0, "log": pytest.approx(1.3863, abs=1e-4)}
