"""A ring without a cluster: real planning, real verdicts, real statuses, pass after pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dohyo.api.resource import parse
from dohyo.contract.evidence import (
    STATE_MEASURED,
    ArmCounts,
    Claim,
    EvidenceReport,
    GateReport,
    GuardReport,
    TrialReport,
)
from dohyo.plan.applied import Applied
from dohyo.plan.desired import Plan, plan
from dohyo.plan.observed import GatewayEpoch, Observed
from dohyo.plan.settings import Settings
from dohyo.status.derive import derive
from dohyo.status.events import events
from dohyo.verdict.evidence import Evidence
from dohyo.verdict.orders import annotation
from tests.builders import NAME, NOW, a_manifest, an_observed

if TYPE_CHECKING:
    from collections.abc import Callable


STEPS = [
    {"shadow": 100, "for": "10m"},
    {"weight": 5, "for": "10m"},
    {"weight": 50, "for": "30m"},
]
ERRORS = {"name": "errors", "metric": "error-rate", "harmRatio": 1.5, "margin": {"ratio": 1.5}}
QUALITY = {"name": "quality", "metric": "loss", "loss": "zero-one", "goal": "superior"}


def a_rollout(**fields: Any) -> dict[str, Any]:
    labels = {"maxDelay": "10m"}
    return {"steps": STEPS, "gates": [ERRORS, QUALITY], "labels": labels, **fields}


def a_gate(
    name: str, harm: float = 1.0, good: float = 1.0, units: int = 1000, **fields: Any
) -> GateReport:
    """A gate whose e-values are given; thresholds are those of one challenger and two gates."""
    values: dict[str, Any] = {
        "metric": "error-rate",
        "state": STATE_MEASURED,
        "message": f"{name} measured over {units} units",
        "fail": (Claim("harm", "not harmful", harm, harm, 40.0),),
        "pass_": (Claim("pass", "not good enough", good, good, 20.0),),
        "champion": ArmCounts(units=units),
        "challenger": ArmCounts(units=units),
        **fields,
    }
    return GateReport(name=name, **values)


GOOD = (a_gate("errors", good=30), a_gate("quality", good=30))
OPEN = (a_gate("errors"), a_gate("quality"))
BAD = (a_gate("errors", harm=50), a_gate("quality"))


class Bout:
    """One ModelDeployment in a world where every Deployment is ready as soon as it is planned."""

    def __init__(
        self, champion: str = "v12", challengers: tuple[str, ...] = ("v13",), **spec: Any
    ) -> None:
        spec = {"rollout": a_rollout(), **spec}
        self.raw: dict[str, Any] = a_manifest(champion, dict.fromkeys(challengers, 0), **spec)
        self.raw["status"] = {}
        self.now = NOW
        self.alive: dict[str, int] = {}
        self.broken: set[str] = set()
        self.events: list[str] = []
        # Since when the evidence service knows of all trials.
        self.since: float | None = None
        self.says: Callable[[str], tuple[GateReport, ...] | None] = lambda _: OPEN
        self.evidence = Evidence(asked=True)
        self.reports_for: Callable[[Bout], Evidence] | None = None
        self.tables: list[Any] = []
        self.plan: Plan | None = None

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw["status"]
        return found

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw["spec"]
        return found

    def edit(self, **spec: Any) -> None:
        """Changes the spec, as `kubectl apply` does."""
        self.raw = {
            **self.raw,
            "spec": {**self.spec, **spec},
            "metadata": {
                **self.raw["metadata"],
                "generation": self.raw["metadata"]["generation"] + 1,
            },
        }

    def order(self, action: str, value: str = "true") -> None:
        """Sets an annotation, passes once, and removes the annotation, as the operator does."""
        metadata = {**self.raw["metadata"], "annotations": {annotation(action): value}}
        self.raw = {**self.raw, "metadata": metadata}
        self.settle()
        self.raw = {**self.raw, "metadata": {**metadata, "annotations": {}}}
        self.settle()

    def after(self, seconds: float) -> Bout:
        """Lets time go by and everything settle."""
        self.now = self.now + timedelta(seconds=seconds)
        return self.settle()

    def settle(self) -> Bout:
        """Passes until one changes nothing."""
        for _ in range(20):
            before = self.raw["status"]
            self.step()
            if self.status == before:
                return self
        raise AssertionError(f"never settles: {self.status}")

    def step(self) -> Plan:
        """One pass, its status stored."""
        done, status = self.one_pass(self.now)
        self.events += [f"{e.reason}: {e.message}" for e in events(self.status, status)]
        self.raw = {**self.raw, "status": status}
        self.alive = {
            name: 0 if name in self.broken else done.sizes[name].replicas for name in done.staying
        } | {r.name: self.alive.get(r.name, 0) for r in done.retirement.retiring}
        self.plan = done
        self.tables.append(done.routing)
        return done

    def one_pass(self, now: datetime) -> tuple[Plan, dict[str, Any]]:
        """What a pass at that time would plan and store."""
        md = parse(self.raw)
        observed = replace(self.observed(), evidence=self.known())
        done = plan(md, observed, Settings(drain_seconds=10), now)
        return done, derive(md, done, observed, Applied(), now)

    def observed(self) -> Observed:
        routing = self.status.get("routing")
        world = an_observed(self.alive)
        gateways = (GatewayEpoch("gateway-0", routing["epoch"] if routing else None),)
        return replace(world, gateways=gateways)

    def known(self) -> Evidence:
        if self.reports_for is not None:
            return self.reports_for(self)
        if not self.evidence.asked or (self.evidence.report is None and self.says is None):
            return self.evidence
        trials = tuple(
            TrialReport(
                trial=r["trial"],
                champion=r["champion"],
                challenger=r["challenger"],
                state=STATE_MEASURED,
                message="",
                gates=said,
                guard=GuardReport("holds", "all as it should be"),
                since=self.since,
            )
            for r in self.status.get("rollouts", ())
            if r.get("trial") and (said := self.says(r["challenger"])) is not None
        )
        report = EvidenceReport("shop", NAME, self.now.timestamp(), STATE_MEASURED, "", trials)
        return replace(self.evidence, report=report)

    def weights(self) -> dict[str, float]:
        """Percent of the requests by version, those that get none left out."""
        return {v["name"]: v["weight"] for v in self.status["versions"] if v["weight"]}

    def shadows(self) -> dict[str, float]:
        return {v["name"]: v["shadow"] for v in self.status["versions"] if v["shadow"]}

    def rollout(self, challenger: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            r for r in self.status["rollouts"] if r["challenger"] == challenger
        )
        return found

    def state(self, challenger: str) -> str:
        found: str = self.rollout(challenger)["state"]
        return found

    def ends(self) -> list[tuple[str, str]]:
        """Bouts that are over, the oldest first."""
        return [(h["challenger"], h["outcome"]) for h in reversed(self.status.get("history", ()))]
