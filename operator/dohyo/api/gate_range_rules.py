"""Limits of gates against the range of what they limit: no evidence answers one outside of it.

A margin as wide as the score itself is passed by whatever comes, or by nothing at all. Where the
range shows only in the evidence (log and squared loss and rewards, without a cap) the evidence
service says the same of the gate.
"""

from __future__ import annotations

from typing import Any, Final

from dohyo.api.rule import Rule

_GATES: Final = ("spec.rollout.gates[]",)
_RATES: Final = ("error-rate", "latency")
_SCORES: Final = ("loss", "reward")
# Losses that lie between 0 and 1 by their nature.
_WITHIN_ONE: Final = ("zero-one", "brier")


def _width(gate: dict[str, Any]) -> float | None:
    """How far apart two scores of the gate can be; None where the gate does not say."""
    if gate["metric"] in _RATES:
        return 1.0
    if gate["metric"] not in _SCORES:
        return None
    if gate.get("cap"):
        return float(gate["cap"])
    if gate.get("loss") in _WITHIN_ONE:
        return 1.0
    costs = [cost for row in gate.get("costs", {}).values() for cost in row.values()]
    return max(costs) if gate.get("loss") == "cost" and costs else None


def _is_within(gate: dict[str, Any]) -> bool:
    absolute, width = gate.get("margin", {}).get("absolute"), _width(gate)
    return absolute is None or width is None or absolute < width


def _strictly_between(field: str, at_0: str, at_1: str) -> Rule:
    return Rule(
        name=f"gate-{field}-between-0-and-1",
        places=_GATES,
        cel=f"!has(self.{field}) || (self.{field} > 0.0 && self.{field} < 1.0)",
        holds=lambda gate: field not in gate or 0 < gate[field] < 1,
        message=f"is an end of the scale: with 0 the gate {at_0}, with 1 {at_1}; "
        "choose a number between them, such as 0.01 or 0.99",
        field=field,
    )


GATE_RANGE_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="gate-margin-within-range",
        places=_GATES,
        cel=(
            "!has(self.margin) || !has(self.margin.absolute) || "
            f"(self.metric in {list(_RATES)} ? self.margin.absolute < 1.0 : "
            f"!(self.metric in {list(_SCORES)}) || "
            "(has(self.cap) && self.cap > 0.0 ? self.margin.absolute < self.cap : "
            "!has(self.loss) || "
            f"(self.loss in {list(_WITHIN_ONE)} ? self.margin.absolute < 1.0 : "
            "self.loss != 'cost' || !has(self.costs) || "
            "self.costs.exists(l, self.costs[l].exists(p, self.costs[l][p] > self.margin.absolute"
            ")))))"
        ),
        holds=_is_within,
        message="is as wide as the score itself, so that no two versions can differ by it; choose "
        "less than 1 (rates, zero-one and brier), than the largest of costs, or than cap",
        field="margin",
        culprit=lambda gate: f"absolute: {gate['margin']['absolute']:g}",
    ),
    _strictly_between("maxAbsolute", "cannot be tested and never fails", "it never fails either"),
    _strictly_between("minAgreement", "always passes", "it never does"),
    Rule(
        name="gate-minExcess-below-1",
        places=_GATES,
        cel="!has(self.minExcess) || self.minExcess < 1.0",
        holds=lambda gate: gate.get("minExcess", 0) < 1,
        message="is as wide as a rate itself, so that the gate never fails; choose less than 1",
        field="minExcess",
    ),
)
