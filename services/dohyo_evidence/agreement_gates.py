"""Gates about agreement: in how many shadow pairs both versions say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo.contract.evidence import STATE_MEASURED, STATE_NO_DATA, ArmCounts, Effect, GateReport
from dohyo_evidence.claims import Peaks, told
from dohyo_evidence.sequential.comparison import MeanTest
from dohyo_evidence.sequential.intervals import AverageSequence
from dohyo_evidence.sequential.planning import units_still_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.contract.trials import GatePlan
    from dohyo_evidence.observations import Pair

LEVEL: Final = 0.95
_BATCH: Final = 50
# A null at an end of the scale could never be rejected.
_EDGE: Final = 1e-6


class AgreementGate:
    """The state of one gate: a unit is an entity's mean agreement over its first window."""

    def __init__(self, plan: GatePlan, state: Mapping[str, Any] | None = None) -> None:
        self.plan = plan
        state = state or {}
        least = min(max(plan.min_agreement or 0.0, _EDGE), 1.0 - _EDGE)
        self.below = MeanTest(least, 1.0, below=True)
        self.above = MeanTest(least, 0.0)
        self.sequence = AverageSequence(1 - LEVEL)
        self.units = int(state.get("units", 0))
        self.total = float(state.get("total", 0.0))
        self.peaks = Peaks(state.get("peaks"))
        if state:
            self.below.restore(state["below"])
            self.above.restore(state["above"])
            self.sequence.restore(state["sequence"])

    def to_state(self) -> dict[str, Any]:
        return {
            "units": self.units,
            "total": self.total,
            "peaks": self.peaks.to_state(),
            "below": self.below.to_state(),
            "above": self.above.to_state(),
            "sequence": self.sequence.to_state(),
        }

    def fold_pairs(self, pairs: Sequence[Pair]) -> None:
        values = np.array([p.agreement for p in pairs if p.agreement is not None])
        self.units += values.size
        self.total += float(values.sum())
        for first in range(0, values.size, _BATCH):
            batch = values[first : first + _BATCH]
            self.below.fold(batch)
            self.above.fold(batch)
            self.sequence.fold(batch, np.zeros(batch.size), np.ones(batch.size))
            self.peaks.note("harm", float(self.below.log_e))
            self.peaks.note("pass", float(self.above.log_e))

    def report(self) -> GateReport:
        plan, least = self.plan, self.plan.min_agreement or 0.0
        harm, good = float(self.below.log_e), float(self.above.log_e)
        fail = self.peaks.claim("harm", f"agreement >= {least:g}", harm, plan.harm_threshold)
        passing = self.peaks.claim("pass", f"agreement <= {least:g}", good, plan.pass_threshold)
        if not self.units:
            message = "no shadow pair yet; agreement needs a step with shadow"
            return GateReport(plan.name, plan.metric, STATE_NO_DATA, message, (fail,), (passing,))
        mean = self.total / self.units
        lower, upper = self.sequence.bounds()
        needed = [
            units_still_needed(log_e, self.units, threshold)
            for log_e, threshold in ((harm, plan.harm_threshold), (good, plan.pass_threshold))
            if threshold is not None
        ]
        known = [n for n in needed if n is not None]
        return GateReport(
            plan.name,
            plan.metric,
            STATE_MEASURED,
            f"agreement {mean:.4g} over {self.units:,} units with shadow pairs, least {least:g}: "
            f"fails by {told(fail)}, passes by {told(passing)}",
            (fail,),
            (passing,),
            challenger=ArmCounts(self.units, round(self.total), mean=mean),
            effect=Effect("share", mean, float(lower), float(upper), LEVEL, "share that agree"),
            needed=min(known) if known else None,
        )
