"""Whole rollouts, decided by the operator's own verdict over the evidence service's own tests.

Each repetition is one rollout from its first step to its end: requests are drawn, split by the
weights that the verdict sets, counted, tested, and the verdict is asked again, tick by tick. Nulls
must be decided wrongly in at most alpha of the repetitions, three standard errors allowed.

    OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.rollout_decisions --repetitions 2000
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from dohyo.api.resource import ModelDeployment, parse
from dohyo.api.status import ModelDeploymentStatus
from dohyo.contract import routing_from_status, routing_to_status
from dohyo.contract.evidence import (
    STATE_MEASURED,
    ArmCounts,
    Claim,
    EvidenceReport,
    GateReport,
    GuardReport,
    TrialReport,
)
from dohyo.plan.desired import plan
from dohyo.plan.observed import GatewayEpoch, Observed
from dohyo.plan.settings import Settings
from dohyo.verdict.evidence import Evidence
from dohyo.verdict.ruling import Ruling, verdict
from dohyo_evidence.sequential.comparison import WeightedTest
from dohyo_evidence.sequential.events import EventCounts, log_e_above, log_e_below

START = datetime(2026, 11, 22, tzinfo=UTC)
ALPHA = 0.05
BUCKETS = 10_000
Rates = Callable[[int], tuple[float, float]]


@dataclass(frozen=True)
class Case:
    """One kind of rollout.

    Attributes:
        name: in the table.
        gate: as written in the spec.
        steps: of the rollout.
        rates: the chance of a bad event (or a wrong answer), champion and challenger, by tick.
        wrong: outcomes that would be false, at most alpha of them; empty where power is measured.
        requests: per tick, of all clients together.
        ticks: after which a rollout is called undecided.
        wanted: the outcome whose stopping time is told.
    """

    name: str
    gate: dict[str, Any]
    steps: tuple[dict[str, Any], ...]
    rates: Rates
    wrong: tuple[str, ...] = ()
    requests: int = 200
    ticks: int = 100
    wanted: str = ""


@dataclass
class Result:
    """What became of many rollouts of one kind.

    Attributes:
        outcomes: how many ended how.
        stopped: requests until those ended that ended as wanted.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: list[int] = field(default_factory=list)

    @property
    def repetitions(self) -> int:
        return sum(self.outcomes.values())

    def share(self, outcomes: tuple[str, ...]) -> float:
        return sum(self.outcomes.get(o, 0) for o in outcomes) / self.repetitions

    def quantile(self, q: float) -> float:
        return float(np.quantile(self.stopped, q)) if self.stopped else math.inf


def tolerated(repetitions: int) -> float:
    """Alpha and three standard errors."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)


ERRORS = {"name": "errors", "metric": "error-rate"}
QUALITY = {"name": "quality", "metric": "loss", "loss": "zero-one", "goal": "superior"}
RAMP = tuple({"weight": w, "for": "10m"} for w in (1, 5, 10, 25, 50))
AT_TENTH = ({"weight": 10, "for": "10m"},)
AT_HALF = ({"weight": 50, "for": "10m"},)


def _rising(ratio: float) -> Rates:
    """A base rate that rises from 1 % to 4 % while weights rise: Simpson's trap."""

    def rates(tick: int) -> tuple[float, float]:
        base = 0.01 + 0.03 * min(1.0, tick / 60)
        return base, base * ratio

    return rates


CASES = (
    Case(
        "errors at the harm limit, ramp, base rate rises",
        {**ERRORS, "harmRatio": 1.5, "margin": {"ratio": 1.01}},
        RAMP,
        _rising(1.5),
        wrong=("GateFailed",),
    ),
    Case(
        "errors at the margin, ramp, base rate rises",
        {**ERRORS, "margin": {"ratio": 1.5}},
        RAMP,
        _rising(1.5),
        wrong=("Promoted",),
    ),
    Case(
        "quality alike, at 10 %",
        QUALITY,
        AT_TENTH,
        lambda _: (0.1, 0.1),
        wrong=("Promoted", "GateFailed"),
    ),
    Case(
        "quality alike, labels of a moving difficulty, ramp",
        QUALITY,
        RAMP,
        _rising(1.0),
        wrong=("Promoted", "GateFailed"),
    ),
    Case(
        "errors 1 -> 3 %, at 10 %",
        {**ERRORS, "harmRatio": 1.0, "margin": {"ratio": 1.01}},
        AT_TENTH,
        lambda _: (0.01, 0.03),
        requests=50,
        ticks=600,
        wanted="GateFailed",
    ),
    Case(
        "accuracy .90 -> .80, at 10 %",
        QUALITY,
        AT_TENTH,
        lambda _: (0.1, 0.2),
        requests=50,
        ticks=600,
        wanted="GateFailed",
    ),
    Case(
        "accuracy .90 -> .92, at 50 %",
        QUALITY,
        AT_HALF,
        lambda _: (0.1, 0.08),
        requests=100,
        ticks=600,
        wanted="Promoted",
    ),
)


class _Gate:
    """The evidence service's tests on one gate, fed with what was drawn."""

    def __init__(self, gate: dict[str, Any]) -> None:
        self._gate = gate
        self._events = EventCounts()
        self._better, self._worse = WeightedTest(0.0), WeightedTest(0.0, worse=True)
        self._peaks = {"harm": 0.0, "pass": 0.0}
        self._units = [0, 0]

    def take(self, weight: int, bad: np.ndarray, challenger: np.ndarray) -> None:
        """One tick: who was served by the challenger, and with whom it went badly."""
        if not 0 < weight < BUCKETS:
            return
        mine, others = int(challenger.sum()), int((1 - challenger).sum())
        self._units[0] += others
        self._units[1] += mine
        if self._gate["metric"] == "loss":
            share = np.full(len(bad), weight / BUCKETS)
            for test in (self._better, self._worse):
                test.fold(1.0 - bad, challenger, share)
            found = {"harm": float(self._worse.log_e), "pass": float(self._better.log_e)}
        else:
            shares = (BUCKETS - weight, weight)
            self._events.add(shares, challenger=True, count=int((bad * challenger).sum()))
            self._events.add(shares, challenger=False, count=int((bad * (1 - challenger)).sum()))
            found = {}
            if "harmRatio" in self._gate:
                found["harm"] = log_e_above(self._events, self._gate["harmRatio"])
            if "margin" in self._gate:
                found["pass"] = log_e_below(self._events, self._gate["margin"]["ratio"])
        for name, log_e in found.items():
            self._peaks[name] = max(self._peaks[name], log_e)

    def report(self, limits: dict[str, float]) -> GateReport:
        def claim(name: str, limit: float) -> Claim:
            peak = math.exp(min(600.0, self._peaks[name]))
            return Claim(name, name, peak, peak, limit)

        scored = self._gate["metric"] == "loss"
        harms = scored or "harmRatio" in self._gate
        passes = scored or "margin" in self._gate
        return GateReport(
            name=self._gate["name"],
            metric=self._gate["metric"],
            state=STATE_MEASURED,
            message="simulated",
            fail=(claim("harm", limits["harm"]),) if harms else (),
            pass_=(claim("pass", limits["promote"]),) if passes else (),
            champion=ArmCounts(units=self._units[0]),
            challenger=ArmCounts(units=self._units[1]),
        )


def a_rollout(case: Case) -> ModelDeployment:
    """A ModelDeployment whose challenger is ready, and whose trial begins with the next verdict."""
    versions = [{"name": n, "bento": f"m:{n}", "image": f"m:{n}"} for n in ("old", "new")]
    rollout = {
        "steps": list(case.steps),
        "gates": [case.gate],
        "maxDuration": "30d",
        "labels": {"maxDelay": "1m"},
    }
    spec = {
        "champion": versions[0],
        "challengers": [versions[1]],
        "traffic": {"stickyBy": {"header": "x-entity"}},
        "rollout": rollout,
    }
    raw = {
        "metadata": {"name": "m", "namespace": "n", "uid": "u", "generation": 1},
        "spec": spec,
    }
    md = parse(raw)
    table = plan(md, Observed(gateways=(GatewayEpoch("g", None),)), Settings(), START).routing
    ready = [
        {
            "name": v.name,
            "role": "challenger",
            "bento": v.bento,
            "state": "Ready",
            "firstReadyAt": "2026-11-22T00:00:00Z",
            "content": v.content,
        }
        for v in md.spec.versions
    ]
    status = {"champion": "old", "versions": ready, "routing": routing_to_status(table)}
    return replace(md, status=ModelDeploymentStatus.model_validate(status))


def one_rollout(case: Case, md: ModelDeployment, random: np.random.Generator) -> tuple[str, int]:
    """How a rollout ended, and after how many requests."""
    gate = _Gate(case.gate)
    evidence, now = Evidence(asked=True, report=None, problem="nobody asked"), START
    for tick in range(case.ticks):
        ruling = verdict(md, _known(md, gate) or evidence, now, 600.0)
        md = replace(md, status=_written(md.status, ruling))
        if md.status.history:
            return md.status.history[0].outcome, tick * case.requests
        weight = ruling.portions["new"].weight
        champion, challenger = case.rates(tick)
        to_new = (random.random(case.requests) < weight / BUCKETS).astype(float)
        chance = np.where(to_new > 0, challenger, champion)
        bad = (random.random(case.requests) < chance).astype(float)
        gate.take(weight, bad, to_new)
        now += timedelta(minutes=1)
    return "undecided", case.ticks * case.requests


def _known(md: ModelDeployment, gate: _Gate) -> Evidence | None:
    trial = next((r for r in md.status.rollouts if r.trial), None)
    if trial is None or trial.thresholds is None:
        return None
    limits = {"harm": trial.thresholds.harm, "promote": trial.thresholds.promote}
    told = TrialReport(
        trial=trial.trial,
        champion="old",
        challenger="new",
        state=STATE_MEASURED,
        message="",
        gates=(gate.report(limits),),
        guard=GuardReport("holds", ""),
    )
    return Evidence(
        asked=True, report=EvidenceReport("n", "m", 0.0, STATE_MEASURED, "", (told,)), problem=""
    )


def _written(status: ModelDeploymentStatus, ruling: Ruling) -> ModelDeploymentStatus:
    table = replace(
        routing_from_status(status.routing or {}), salt=ruling.salt or "", trial=ruling.trial or ""
    )
    return status.model_copy(update={**ruling.status, "routing": routing_to_status(table)})


def simulated(case: Case, repetitions: int, seed: int) -> Result:
    """Many rollouts of one kind, each with a stream of chance of its own."""
    result, md = Result(), a_rollout(case)
    for stream in np.random.SeedSequence(seed).spawn(repetitions):
        outcome, requests = one_rollout(case, md, np.random.default_rng(stream))
        result.outcomes[outcome] = result.outcomes.get(outcome, 0) + 1
        if outcome == case.wanted:
            result.stopped.append(requests)
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args(arguments)
    worst = 0
    for case in (c for c in CASES if options.only in c.name):
        result = simulated(case, options.repetitions, options.seed)
        line = f"{case.name:52} {result.outcomes}"
        if case.wrong:
            wrong, limit = result.share(case.wrong), tolerated(result.repetitions)
            verdict_word = "ok" if wrong <= limit else "TOO MANY"
            worst += wrong > limit
            line += f" wrong {wrong:.4f} <= {limit:.4f} {verdict_word}"
        if case.wanted:
            line += (
                f" requests median {result.quantile(0.5):,.0f} p90 {result.quantile(0.9):,.0f} "
                f"p99 {result.quantile(0.99):,.0f}"
            )
        print(line, flush=True)
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
