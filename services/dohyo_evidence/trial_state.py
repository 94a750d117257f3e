"""All that a trial has learned from settled units: its gates, its guards, its label delays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.evidence import (
    GUARD_HOLDS,
    GUARD_VIOLATED,
    STATE_NO_DATA,
    Claim,
    GuardReport,
    LabelDelay,
)
from dohyo_evidence.agreement_gates import AgreementGate
from dohyo_evidence.claims import Peaks, told
from dohyo_evidence.rate_gates import RateGate
from dohyo_evidence.score_gates import ScoreGate
from dohyo_evidence.sequential.events import EventCounts, log_e_other

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.contract.trials import TrialPlan
    from dohyo_evidence.observations import Pair, RateUnit, ScoreUnit

# Each guard may wrongly hold up one trial in a thousand.
GUARD_THRESHOLD: Final = 1000.0
# Upper ends of the bins of label delays: a tenth of a second to 100 days, 12 for a factor of 10.
_DELAYS: Final = 0.1 * 10 ** (np.arange(97) / 12)


class TrialState:
    """O(1) in the number of units; everything in it is a sum, or bets on what came before."""

    def __init__(self, plan: TrialPlan, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        gates = state.get("gates", {})
        self.plan = plan
        self.rates: list[RateGate] = []
        self.scores: list[ScoreGate] = []
        self.agreements: list[AgreementGate] = []
        decide = plan.labels.independent_of_prediction
        for gate in plan.gates:
            kept = gates.get(gate.name)
            if gate.metric in ("error-rate", "latency"):
                self.rates.append(RateGate(gate, kept))
            elif gate.metric in ("loss", "reward"):
                self.scores.append(ScoreGate(gate, pairs_decide=decide, state=kept))
            elif gate.metric == "agreement":
                self.agreements.append(AgreementGate(gate, kept))
        self.assigned = EventCounts.from_state(state.get("assigned", []))
        self.labelled = EventCounts.from_state(state.get("labelled", []))
        self.recorded = bool(state.get("recorded", False))
        self.mismatches = int(state.get("mismatches", 0))
        self.peaks = Peaks(state.get("peaks"))
        self.delays = np.array(state.get("delays", np.zeros((2, 98)).tolist()))
        self.scored_until: float | None = state.get("scoredUntil")
        # When it was first declared; who lost the database hears another time after that.
        self.since: float | None = state.get("since")
        # By gate; see `drift_looks`.
        self.drift: dict[str, Any] = dict(state.get("drift", {}))

    def to_state(self) -> dict[str, Any]:
        return {
            "gates": {gate.plan.name: gate.to_state() for gate in self.gates()},
            "drift": self.drift,
            "assigned": self.assigned.to_state(),
            "labelled": self.labelled.to_state(),
            "recorded": self.recorded,
            "mismatches": self.mismatches,
            "peaks": self.peaks.to_state(),
            "delays": self.delays.tolist(),
            "scoredUntil": self.scored_until,
            "since": self.since,
        }

    def gates(self) -> list[RateGate | ScoreGate | AgreementGate]:
        return [*self.rates, *self.scores, *self.agreements]

    def fold_rates(self, units: Sequence[RateUnit], *, recorded: bool = True) -> None:
        """First exposures whose window has closed, in their order.

        Args:
            units: the closed ones.
            recorded: whether any of them is known from a pod's own record.
        """
        # Of versions that record nothing only bad answers are known, and those follow no share.
        self.recorded = self.recorded or recorded
        if self.recorded:
            for unit in units:
                self.assigned.add(unit.shares, challenger=unit.challenger)
        for gate in self.rates:
            gate.fold(units)
        self.peaks.note("assignments", log_e_other(self.assigned))

    def fold_scores(self, units: Sequence[ScoreUnit]) -> None:
        """Units behind the watermark, in the order of their first exposures."""
        for unit in units:
            if unit.labels:
                self.labelled.add(unit.shares, challenger=unit.challenger)
        for gate in self.scores:
            gate.fold(units)
        self.peaks.note("labels", log_e_other(self.labelled))

    def fold_pairs(self, pairs: Sequence[Pair]) -> None:
        for score in self.scores:
            score.fold_pairs(pairs)
        for agreement in self.agreements:
            agreement.fold_pairs(pairs)

    def note_delays(self, seconds: Sequence[float], *, challenger: bool) -> None:
        """Counts how long labels took, whether or not they came in time."""
        np.add.at(self.delays[int(challenger)], np.searchsorted(_DELAYS, seconds), 1.0)

    def guard(self) -> GuardReport:
        """Whether the split and the arrival of labels are as they should be."""
        assigned = self._claim("assignments", "first exposures follow the shares", self.assigned)
        labelled = self._claim("labels", "labels arrive alike in both arms", self.labelled)
        seen = self.assigned.champion + self.assigned.challenger
        if self.mismatches:
            message = (
                f"{self.mismatches:,} first exposures came to another version than the one that "
                "owns their bucket"
            )
            return GuardReport(GUARD_VIOLATED, message, self.mismatches, assigned, labelled)
        for claim in (assigned, labelled):
            if claim.rejected:
                message = f"not so: {claim.null}; {told(claim)}"
                return GuardReport(GUARD_VIOLATED, message, 0, assigned, labelled)
        if not seen and not self.labelled.counts:
            return GuardReport(STATE_NO_DATA, "no settled first exposure yet", 0)
        message = f"the split of {seen:,} first exposures is as it should be"
        return GuardReport(GUARD_HOLDS, message, 0, assigned, labelled)

    def delay(self, *, challenger: bool) -> LabelDelay:
        counts = self.delays[int(challenger)]
        total = float(counts.sum())
        if not total:
            return LabelDelay()
        ends = np.append(_DELAYS, _DELAYS[-1])
        at = np.searchsorted(np.cumsum(counts), [0.5 * total, 0.99 * total])
        return LabelDelay(int(total), float(ends[at[0]]), float(ends[at[1]]))

    def proposed_max_delay(self) -> float | None:
        """The later p99 of both arms; None without labels of both."""
        found = [self.delay(challenger=c).p99_seconds for c in (False, True)]
        known = [f for f in found if f is not None]
        return max(known) if len(known) == 2 else None

    def _claim(self, name: str, null: str, counts: EventCounts) -> Claim:
        return self.peaks.claim(name, null, log_e_other(counts), GUARD_THRESHOLD)
