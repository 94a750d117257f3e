"""What was learned → the report that the operator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dohyo.contract.evidence import (
    STATE_MEASURED,
    STATE_NO_DATA,
    EvidenceReport,
    GateReport,
    TrialReport,
)
from dohyo_evidence.allocation import thompson
from dohyo_evidence.drift_looks import drift_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo.contract.trials import GatePlan
    from dohyo_evidence.trial_state import TrialState


def evidence_report(
    namespace: str, deployment: str, at: float, states: Sequence[TrialState]
) -> EvidenceReport:
    """The report on a ModelDeployment.

    Args:
        namespace: of the ModelDeployment.
        deployment: its name.
        at: when it was looked.
        states: of its trials; at least one.
    """
    trials = tuple(trial_report(state) for state in states)
    measured = any(t.state == STATE_MEASURED for t in trials)
    return EvidenceReport(
        namespace,
        deployment,
        at,
        STATE_MEASURED if measured else STATE_NO_DATA,
        f"{len(trials)} trials" if measured else "nothing has been measured yet",
        trials,
        allocation(states),
    )


def trial_report(state: TrialState) -> TrialReport:
    plan = state.plan
    known = {gate.plan.name: gate for gate in state.gates()}
    gates = tuple(
        known[gate.name].report() if gate.name in known else _other(gate, state)
        for gate in plan.gates
    )
    measured = any(gate.state == STATE_MEASURED for gate in gates)
    return TrialReport(
        plan.trial,
        plan.champion,
        plan.challenger,
        STATE_MEASURED if measured else STATE_NO_DATA,
        "; ".join(f"{gate.name}: {gate.message}" for gate in gates),
        gates,
        state.guard(),
        state.scored_until,
        state.delay(challenger=False),
        state.delay(challenger=True),
        state.proposed_max_delay(),
        state.since,
    )


def allocation(states: Sequence[TrialState]) -> dict[str, float] | None:
    """Shares by Thompson sampling over the champion and all challengers that are scored.

    None where no trial asks for it, or not all of those that do have scores of both arms.
    """
    asking = [s for s in states if s.plan.bandit_floor is not None and s.plan.ended is None]
    moments = []
    for state in asking:
        gate = next((g for g in state.scores if g.plan.name == state.plan.bandit_gate), None)
        found = gate.moments() if gate is not None else None
        if found is None:
            return None
        moments.append(found)
    if not asking:
        return None
    rows = np.array([moments[0][0], *(challenger for _, challenger in moments)])
    floor = asking[0].plan.bandit_floor or 0.0
    shares = thompson(rows[:, 0], rows[:, 1], rows[:, 2], floor).tolist()
    names = [asking[0].plan.champion, *(s.plan.challenger for s in asking)]
    return dict(zip(names, shares, strict=True))


def _other(gate: GatePlan, state: TrialState) -> GateReport:
    if gate.metric == "drift":
        return drift_report(gate, state.drift.get(gate.name))
    message = f"{gate.metric} is not measured by the evidence service"
    return GateReport(gate.name, gate.metric, STATE_NO_DATA, message)
