"""Gates about bad events (error-rate, latency): what settled units make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.evidence import (
    STATE_MEASURED,
    STATE_NO_DATA,
    ArmCounts,
    Claim,
    Effect,
    GateReport,
)
from dohyo_evidence.claims import Peaks, log_average, told
from dohyo_evidence.observations import columns
from dohyo_evidence.sequential.comparison import MeanTest, WeightedTest
from dohyo_evidence.sequential.events import (
    EventCounts,
    log_e_above,
    log_e_below,
    ratio_estimate,
    ratio_sequence,
)
from dohyo_evidence.sequential.planning import units_still_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.contract.trials import GatePlan
    from dohyo_evidence.observations import RateUnit

LEVEL: Final = 0.95
# Nobody learns within this many units, so that a late scoring and an early one agree nearly.
_BATCH: Final = 50


class RateGate:
    """The state of one gate: counts by shares for the ratios, bets for differences and the cap."""

    def __init__(self, plan: GatePlan, state: Mapping[str, Any] | None = None) -> None:
        self.plan = plan
        state = state or {}
        cuts = max(1, len(plan.cuts_seconds))
        kept = state.get("events", [[]] * cuts)
        self.events = [EventCounts.from_state(each) for each in kept]
        self.units = EventCounts.from_state(state.get("units", []))
        self.peaks = Peaks(state.get("peaks"))
        self.tests: dict[str, WeightedTest | MeanTest] = {}
        if plan.min_excess is not None:
            self.tests["excess"] = WeightedTest(plan.min_excess, worse=True)
        if plan.margin_absolute is not None:
            self.tests["margin"] = WeightedTest(-plan.margin_absolute)
        if plan.max_absolute is not None and 0 < plan.max_absolute < 1:
            self.tests["cap"] = MeanTest(plan.max_absolute, 0.0)
        for name, test in self.tests.items():
            if name in state.get("tests", {}):
                test.restore(state["tests"][name])

    def to_state(self) -> dict[str, Any]:
        return {
            "events": [each.to_state() for each in self.events],
            "units": self.units.to_state(),
            "peaks": self.peaks.to_state(),
            "tests": {name: test.to_state() for name, test in self.tests.items()},
        }

    def fold(self, units: Sequence[RateUnit]) -> None:
        """Takes settled units in, in the order they were assigned."""
        name = self.plan.name
        for first in range(0, len(units), _BATCH):
            batch = units[first : first + _BATCH]
            for unit in batch:
                self.units.add(unit.shares, challenger=unit.challenger)
                for counts, hit in zip(self.events, unit.hits[name], strict=True):
                    if hit:
                        counts.add(unit.shares, challenger=unit.challenger)
            self._bet(batch)
            for claim, log_e in self._logs().items():
                self.peaks.note(claim, log_e)

    def report(self) -> GateReport:
        plan, logs = self.plan, self._logs()
        champion, challenger = self._arm(challenger=False), self._arm(challenger=True)
        fail, passing = [], []
        if "harm" in logs:
            null = self._harm_null()
            fail.append(self.peaks.claim("harm", null, logs["harm"], plan.harm_threshold))
        if "cap" in logs:
            null = f"{self._what} of the challenger <= {plan.max_absolute:g}"
            fail.append(self.peaks.claim("cap", null, logs["cap"], plan.cap_threshold))
        if "pass" in logs:
            null = f"{self._what} ratio >= {plan.margin_ratio:g}"
            passing.append(self.peaks.claim("pass", null, logs["pass"], plan.pass_threshold))
        if "margin" in logs:
            null = f"{self._what} difference >= {plan.margin_absolute:g}"
            passing.append(self.peaks.claim("margin", null, logs["margin"], plan.pass_threshold))
        units = champion.units + challenger.units
        return GateReport(
            plan.name,
            plan.metric,
            STATE_MEASURED if units else STATE_NO_DATA,
            self._message(champion, challenger, (*fail, *passing)),
            tuple(fail),
            tuple(passing),
            champion=champion,
            challenger=challenger,
            effect=self._effect(),
            needed=self._needed(logs, champion.events + challenger.events),
        )

    @property
    def _what(self) -> str:
        return "error rate" if self.plan.metric == "error-rate" else "share of slow requests"

    @property
    def _bad(self) -> str:
        return "errors" if self.plan.metric == "error-rate" else "slow answers"

    def _bet(self, batch: Sequence[RateUnit]) -> None:
        name = self.plan.name
        split = [u for u in batch if u.shares[0] and u.shares[1]]
        mine = [float(any(u.hits[name])) for u in batch if u.challenger]
        for kind, test in self.tests.items():
            if isinstance(test, MeanTest):
                if mine:
                    test.fold(np.array(mine))
            elif split:
                arms, share = columns(split)
                score = np.array([1.0 - float(any(u.hits[name])) for u in split])
                test.fold(score, arms, share)
            assert kind in ("excess", "margin", "cap")

    def _logs(self) -> dict[str, float]:
        plan = self.plan
        logs: dict[str, float] = {}
        if plan.harm_ratio is not None:
            logs["harm"] = log_average([log_e_above(e, plan.harm_ratio) for e in self.events])
        if "excess" in self.tests:
            excess = float(self.tests["excess"].log_e)
            # Both nulls must be rejected: the weaker e-value counts.
            logs["harm"] = min(logs.get("harm", excess), excess)
        if plan.margin_ratio is not None:
            logs["pass"] = log_average([log_e_below(e, plan.margin_ratio) for e in self.events])
        for name in ("cap", "margin"):
            if name in self.tests:
                logs[name] = float(self.tests[name].log_e)
        return logs

    def _harm_null(self) -> str:
        parts = []
        if self.plan.harm_ratio is not None:
            parts.append(f"{self._what} ratio <= {self.plan.harm_ratio:g}")
        if self.plan.min_excess is not None:
            parts.append(f"{self._what} difference <= {self.plan.min_excess:g}")
        return " or ".join(parts)

    def _arm(self, *, challenger: bool) -> ArmCounts:
        place = int(challenger)
        units = sum(pair[place] for pair in self.units.counts.values())
        events = sum(pair[place] for pair in self.events[0].counts.values())
        return ArmCounts(units, events, mean=events / units if units else None)

    def _effect(self) -> Effect | None:
        events = self.events[0]
        if not events.counts:
            return None
        lower, upper = ratio_sequence(events, LEVEL)
        value = min(ratio_estimate(events), 1000.0)
        return Effect("ratio", value, lower, upper, LEVEL, f"ratio of the {self._what}")

    def _needed(self, logs: Mapping[str, float], events: int) -> int | None:
        limits = {
            "harm": self.plan.harm_threshold,
            "pass": self.plan.pass_threshold,
        }
        found = [
            units_still_needed(logs[name], events, limit)
            for name, limit in limits.items()
            if name in logs and limit is not None
        ]
        known = [n for n in found if n is not None]
        return min(known) if known else None

    def _message(
        self, champion: ArmCounts, challenger: ArmCounts, claims: tuple[Claim, ...]
    ) -> str:
        said = "; ".join(f"{c.name}: {c.null}, {told(c)}" for c in claims)
        if champion.mean is None or challenger.mean is None:
            if champion.events + challenger.events:
                # Versions that record nothing are known by their bad events alone.
                counts = f"{challenger.events:,} units of the challenger, {champion.events:,} of"
                return f"{self._bad} in {counts} the champion: {said}"
            missing = "the champion" if champion.mean is None else "the challenger"
            return f"no settled unit of {missing} yet"
        return (
            f"challenger {self._what} {challenger.mean:.4g} vs champion {champion.mean:.4g} over "
            f"{champion.units + challenger.units:,} units with "
            f"{champion.events + challenger.events:,} events: {said}"
        )
