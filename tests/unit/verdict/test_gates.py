"""One gate at a time: every metric, every outcome, and a null that is changed turns it red."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.rollout import Gate, RolloutSpec
from dohyo.api.status import Thresholds
from dohyo.contract.evidence import STATE_ERROR, ArmCounts, Claim, Effect
from dohyo.verdict.budget import harm_tests, thresholds
from dohyo.verdict.evidence import Latency, Measured
from dohyo.verdict.gates import of_query, of_report
from dohyo.verdict.trial_plan import gate_plan
from tests.unit.verdict.bout import a_gate


def gate(**fields: Any) -> Gate:
    return Gate.model_validate({"name": "g", "metric": "error-rate", **fields})


LIMITS = Thresholds(harm=40, promote=20)


@pytest.mark.parametrize(
    ("fields", "nulls"),
    [
        ({"harmRatio": 1.5}, {"harm_ratio": 1.5}),
        ({"harmRatio": 2, "minExcess": 0.01}, {"harm_ratio": 2, "min_excess": 0.01}),
        ({"maxAbsolute": 0.02}, {"max_absolute": 0.02}),
        ({"margin": {"ratio": 1.5}}, {"margin_ratio": 1.5}),
        ({"margin": {"absolute": 0.01}}, {"margin_absolute": 0.01}),
        ({"codes": ("RESOURCE_EXHAUSTED",), "harmRatio": 2}, {"codes": ("RESOURCE_EXHAUSTED",)}),
        ({"metric": "latency", "slo": "250ms", "harmRatio": 2}, {"cuts_seconds": (0.25,)}),
        (
            {"metric": "latency", "cut": "p99", "slo": "1s", "harmRatio": 2},
            {"cuts_seconds": (0.125, 1.0)},
        ),
        ({"metric": "loss", "loss": "log"}, {"pass_effect": 0.0, "harm_effect": 0.0}),
        (
            {"metric": "loss", "loss": "squared", "cap": 4, "margin": {"absolute": 0.02}},
            {"pass_effect": 0.02, "harm_effect": 0.0, "cap": 4},
        ),
        (
            {"metric": "reward", "goal": "non-inferior", "margin": {"absolute": 0.05}},
            {"pass_effect": -0.05, "harm_effect": 0.05},
        ),
        ({"metric": "agreement", "minAgreement": 0.9}, {"min_agreement": 0.9}),
        ({"metric": "drift", "maxPsi": 0.2, "features": ("age",)}, {"max_psi": 0.2}),
    ],
)
def test_the_service_is_told_every_null(fields: dict[str, Any], nulls: dict[str, Any]) -> None:
    plan = gate_plan(gate(**fields), LIMITS, {"g": 0.125} if "cut" in fields else {})
    assert {name: getattr(plan, name) for name in nulls} == nulls
    assert (plan.harm_threshold, plan.pass_threshold, plan.cap_threshold) == (40, 20, 40)


@pytest.mark.parametrize(
    ("fields", "tests"),
    [
        ({"harmRatio": 1.5}, 1),
        ({"harmRatio": 1.5, "minExcess": 0.1, "maxAbsolute": 0.02}, 2),
        ({"margin": {"ratio": 1.5}}, 0),
        ({"harmRatio": 1.5, "dryRun": True}, 0),
        ({"metric": "loss", "loss": "log"}, 1),
        ({"metric": "agreement", "minAgreement": 0.9}, 1),
        ({"metric": "drift", "maxPsi": 0.2}, 0),
        ({"metric": "prometheus", "query": "up", "max": 1}, 0),
    ],
)
def test_a_harm_budget_is_split_over_what_may_roll_back(fields: dict[str, Any], tests: int) -> None:
    assert harm_tests([gate(**fields)]) == tests


def test_budgets_are_split_over_challengers_and_harm_tests() -> None:
    rollout = RolloutSpec.model_validate(
        {
            "gates": [
                {"name": "a", "metric": "error-rate", "harmRatio": 2, "maxAbsolute": 0.1},
                {"name": "b", "metric": "loss", "loss": "log"},
            ],
            "alpha": {"harm": 0.06, "promote": 0.1},
        }
    )
    assert thresholds(rollout, 2) == Thresholds(harm=100, promote=20)


def test_the_message_shows_value_limit_and_count() -> None:
    said = "challenger loss 0.102 vs champion 0.118 over 3,214 labelled entities"
    report = a_gate("g", good=41.2, message=said, units=3214)
    found = of_report(gate(metric="loss", loss="zero-one"), report, None)
    assert (found.outcome, found.reason) == ("passed", "Superior")
    assert found.message == f"{said}: e-value 41.2 >= 20"


def test_the_numbers_of_a_gate_come_with_it() -> None:
    report = a_gate(
        "g",
        harm=3.14159,
        champion=ArmCounts(900, mean=0.1),
        challenger=ArmCounts(100, mean=0.2),
        effect=Effect("ratio", 2.0, 0.9, None, 0.95),
    )
    found = of_report(gate(harmRatio=1.5), report, None).as_raw()
    assert found["eHarm"] == 3.142
    assert (found["effect"], found["lower"], "upper" in found) == (2, 0.9, False)
    assert found["challenger"] == {"units": 100, "value": 0.2}


@pytest.mark.parametrize(
    ("report", "outcome", "reason"),
    [
        (None, "error", "EvidenceMissing"),
        (a_gate("g", state=STATE_ERROR), "error", "EvidenceError"),
        (a_gate("g", harm=40), "failed", "Harmful"),
        (a_gate("g", harm=40, good=20), "failed", "Harmful"),
        (a_gate("g", good=20), "passed", "AsGoodAsAsked"),
        (a_gate("g", harm=39.9, good=19.9), "inconclusive", "NotDecided"),
        (a_gate("g", breach=True, fail=(), pass_=()), "failed", "OutOfLimits"),
        (a_gate("g", breach=False, fail=(), pass_=()), "passed", "WithinLimits"),
        (
            a_gate("g", pass_=(Claim("a", "", 30, 30, 20.0), Claim("b", "", 1, 1, 20.0))),
            "inconclusive",
            "NotDecided",
        ),
    ],
)
def test_outcomes(report: Any, outcome: str, reason: str) -> None:
    found = of_report(gate(harmRatio=1.5, margin={"ratio": 1.5}), report, None)
    assert (found.outcome, found.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("measured", "outcome", "words"),
    [
        (Measured(0.005), "passed", "the query gives 0.005, within min 0.001 and max 0.01"),
        (Measured(0.02), "failed", "the query gives 0.02 > max 0.01"),
        (Measured(0.0), "failed", "the query gives 0 < min 0.001"),
        (Measured(None), "inconclusive", "the query has no value now"),
        (Measured(problem="Prometheus at x: refused"), "error", "Prometheus at x: refused"),
        (None, "error", "the query was not asked yet"),
    ],
)
def test_a_prometheus_gate(measured: Measured | None, outcome: str, words: str) -> None:
    asked = gate(metric="prometheus", query="up", min=0.001, max=0.01)
    found = of_query(asked, measured)
    assert (found.outcome, found.message) == (outcome, words)


def test_a_quantile_lies_between_the_bounds_that_hold_it() -> None:
    latency = Latency(((0.1, 50), (0.2, 90), (0.4, 100), (float("inf"), 100)))
    assert latency.quantile(0.5) == pytest.approx(0.1)
    assert latency.quantile(0.95) == pytest.approx(0.3)
    assert Latency(((0.1, 1), (float("inf"), 10))).quantile(0.9) is None
    assert Latency().quantile(0.5) is None
