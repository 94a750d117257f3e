"""Each gate, as written in a spec, where its null is just true: it decides nothing. Another null
for the same rows, and it decides; so a null that gets lost on the way, or is mistaken for another,
shows here, from the spec to the finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dohyo.api.rollout import Gate
from dohyo.api.status import Thresholds
from dohyo.contract.evidence import GUARD_HOLDS, GUARD_VIOLATED
from dohyo.contract.records import BinCounts, WindowRecord
from dohyo.contract.trials import LabelPlan, TrialPlan
from dohyo.verdict.evidence import Measured
from dohyo.verdict.gates import of_query, of_report
from dohyo.verdict.trial_plan import gate_plan
from dohyo_evidence.drift_looks import drift_report, look
from dohyo_evidence.observations import RateUnit
from dohyo_evidence.trial_state import TrialState
from tests.unit.evidence.worlds import (
    World,
    agreeing,
    earning,
    failing,
    slow,
    wrong,
    wrong_in_pairs,
)

LIMITS = Thresholds(harm=20, promote=20)
UNITS = 1_200
SEEDS = range(6)
# Of 6 runs at a null each decides with a chance of at most .05: more than this is one in 450.
MOST_FALSE, LEAST_FOUND = 2, 5


def outcome(fields: dict[str, Any], world: World, seed: int) -> str:
    """From the spec's gate and a world to what the verdict is told."""
    gate = Gate.model_validate({"name": "gate", **fields})
    plan = TrialPlan(
        *("shop", "model", "t", "v1", "v2", "s", "entity", 0.0),
        gates=(gate_plan(gate, LIMITS, {"gate": 0.2} if gate.cut else {}),),
        labels=LabelPlan(independent_of_prediction=True)
        if world in PAIRED
        else LabelPlan(independent_of_prediction=False),
        window_seconds=0.5,
    )
    state = world(plan, UNITS, np.random.default_rng(seed))
    (known,) = state.gates()
    return of_report(gate, known.report(), None).outcome


@dataclass(frozen=True)
class Case:
    """A gate and a world at the border of its null.

    Attributes:
        gate: as in the spec.
        world: where the null is just true.
        decides: what must not come of it.
        changed: another null.
    """

    gate: dict[str, Any]
    world: World
    decides: str
    changed: dict[str, Any]


def scored(
    name: str, gate: dict[str, Any], world: World, difference: float
) -> list[tuple[str, Case]]:
    """Both nulls of a score, where the challenger is worse by exactly the margin."""

    def within(margin: float) -> dict[str, Any]:
        return {**gate, "goal": "non-inferior", "margin": {"absolute": margin}}

    return [
        (f"{name}, harm", Case(within(difference), world, "failed", within(difference / 4))),
        (f"{name}, pass", Case(within(difference), world, "passed", within(difference * 2))),
    ]


ERRORS = failing(0.1, 0.25)
SLOW = slow(0.3, 0.1, 0.25)
WRONG = wrong(0.2, 0.5)
OFF = wrong(0.2, 0.5, off=2.0)
PAIRS = wrong_in_pairs(0.2, 0.5)
PAIRED = (PAIRS,)
COSTS = {"1": {"0": 1.0}, "0": {"1": 2.0}}

RATES = [
    (f"{metric['metric']}, {name}", Case({**metric, **gate}, world, decides, {**metric, **changed}))
    for metric, world in (
        ({"metric": "error-rate"}, ERRORS),
        ({"metric": "latency", "slo": "250ms"}, SLOW),
        ({"metric": "latency", "cut": "p90"}, SLOW),
    )
    for name, gate, decides, changed in (
        ("harmRatio", {"harmRatio": 2.5}, "failed", {"harmRatio": 1.2}),
        (
            "minExcess",
            {"harmRatio": 1.2, "minExcess": 0.15},
            "failed",
            {"harmRatio": 1.2, "minExcess": 0.02},
        ),
        ("maxAbsolute", {"maxAbsolute": 0.25}, "failed", {"maxAbsolute": 0.15}),
        ("margin.ratio", {"margin": {"ratio": 2.5}}, "passed", {"margin": {"ratio": 5}}),
        (
            "margin.absolute",
            {"margin": {"absolute": 0.15}},
            "passed",
            {"margin": {"absolute": 0.3}},
        ),
    )
]
SLOWER_CUT = (
    "latency, slo",
    Case(
        {"metric": "latency", "slo": "350ms", "harmRatio": 1.2},
        SLOW,
        "failed",
        {"metric": "latency", "slo": "250ms", "harmRatio": 1.2},
    ),
)
SCORES = [
    *scored("zero-one", {"metric": "loss", "loss": "zero-one"}, WRONG, 0.3),
    *scored("brier", {"metric": "loss", "loss": "brier"}, WRONG, 0.3 * (0.64 - 0.04)),
    *scored("log", {"metric": "loss", "loss": "log", "cap": 2}, WRONG, 0.3 * np.log(4)),
    *scored("log, frozen cap", {"metric": "loss", "loss": "log"}, WRONG, 0.3 * np.log(4)),
    *scored("squared", {"metric": "loss", "loss": "squared", "cap": 4}, OFF, 0.3 * 4),
    *scored("squared, frozen cap", {"metric": "loss", "loss": "squared"}, OFF, 0.3 * 4),
    *scored("cost", {"metric": "loss", "loss": "cost", "costs": COSTS}, WRONG, 0.3 * 2),
    *scored("reward", {"metric": "reward", "cap": 8}, earning(8.0, 0.6, 0.3), 0.3 * 8),
    *scored("reward, frozen", {"metric": "reward"}, earning(8.0, 0.6, 0.3), 0.3 * 8),
    *scored("pairs", {"metric": "loss", "loss": "zero-one"}, PAIRS, 0.3),
]
EQUAL = [
    (
        "superior, equally good",
        Case(
            {"metric": "loss", "loss": "zero-one"},
            wrong(0.3, 0.3),
            "passed",
            {
                "metric": "loss",
                "loss": "zero-one",
                "goal": "non-inferior",
                "margin": {"absolute": 0.2},
            },
        ),
    ),
    (
        "superior by a margin",
        Case(
            {"metric": "reward", "cap": 8, "margin": {"absolute": 2.4}},
            earning(8.0, 0.3, 0.6),
            "passed",
            {"metric": "reward", "cap": 8, "margin": {"absolute": 0.6}},
        ),
    ),
]
AGREEMENT = [
    (
        f"agreement, {decides}",
        Case(
            {"metric": "agreement", "minAgreement": 0.7},
            agreeing(0.7),
            decides,
            {"metric": "agreement", "minAgreement": changed},
        ),
    )
    for decides, changed in (("failed", 0.85), ("passed", 0.55))
]
CASES = [*RATES, SLOWER_CUT, *SCORES, *EQUAL, *AGREEMENT]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_at_its_null_it_decides_nothing_and_at_another_it_does(case: Case) -> None:
    at_the_null = [outcome(case.gate, case.world, seed) for seed in SEEDS]
    assert at_the_null.count(case.decides) <= MOST_FALSE
    beyond = [outcome(case.changed, case.world, seed) for seed in SEEDS]
    assert beyond.count(case.decides) >= LEAST_FOUND


def window(counts: np.ndarray) -> WindowRecord:
    bins = BinCounts(tuple(counts.tolist()), (10_000,) * 10)
    return WindowRecord(
        *("model", "v2", "pod", 0, 1),
        shadow=False,
        requests=1,
        rows=int(counts.sum()),
        profile="p",
        features={"age": bins},
    )


def drifted(max_psi: float, counts: np.ndarray) -> str:
    gate = Gate.model_validate({"name": "gate", "metric": "drift", "maxPsi": max_psi})
    plan = gate_plan(gate, LIMITS, {})
    report = drift_report(plan, look(plan, None, 1, [window(counts)]))
    return of_report(gate, report, None).outcome


def test_drift_must_be_larger_than_its_limit() -> None:
    moved = np.array([180, 150, *(100,) * 6, 40, 30])
    assert drifted(0.35, moved) == "passed"
    assert drifted(0.10, moved) == "failed"


def test_drift_must_be_more_than_chance() -> None:
    """With a limit of nothing, significance alone keeps small windows from raising an alarm."""
    random = np.random.default_rng(7)
    share = np.full(10, 0.1)
    alarms = [drifted(0.0, random.multinomial(300, share)) == "failed" for _ in range(400)]
    # The first look may spend half of the 1 % of a whole trial.
    assert sum(alarms) / 400 <= 0.005 + 3 * (0.005 * 0.995 / 400) ** 0.5
    other = np.array([0.2, 0.15, *(0.1,) * 5, 0.05, 0.05, 0.05])
    found = [drifted(0.0, random.multinomial(300, other)) == "failed" for _ in range(40)]
    assert sum(found) >= 36


@pytest.mark.parametrize(
    ("null", "changed"),
    [({"max": 0.01}, {"max": 0.004}), ({"min": 0.001}, {"min": 0.006})],
)
def test_a_query_is_held_against_its_own_limits(null: Any, changed: Any) -> None:
    def found(limits: Any) -> str:
        fields = {"name": "gate", "metric": "prometheus", "query": "up", **limits}
        return of_query(Gate.model_validate(fields), Measured(0.005)).outcome

    assert (found(null), found(changed)) == ("passed", "failed")


def test_the_guard_holds_at_the_shares_that_were_stamped() -> None:
    plan = TrialPlan("shop", "model", "t", "v1", "v2", "s", "entity", 0.0)
    for shares, state in (((9_000, 1_000), GUARD_HOLDS), ((8_000, 2_000), GUARD_VIOLATED)):
        random = np.random.default_rng(3)
        trial = TrialState(plan)
        trial.fold_rates([RateUnit(bool(u < 0.1), shares, {}) for u in random.random(3_000)])
        assert trial.guard().state == state
