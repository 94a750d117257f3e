"""What has to be asked about one ModelDeployment before the next verdict."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.verdict.trial_plan import trial_plans

if TYPE_CHECKING:
    from dohyo.api.resource import ModelDeployment
    from dohyo.api.status import RolloutStatus
    from dohyo.contract import RoutingTable
    from dohyo.contract.trials import TrialPlan


@dataclass(frozen=True)
class Query:
    """One prometheus gate of one challenger, its placeholders filled in."""

    challenger: str
    gate: str
    text: str


@dataclass(frozen=True)
class Inquiry:
    """Whom to ask for what.

    Attributes:
        namespace, deployment: the ModelDeployment.
        plans: of the open trials, for the evidence service; empty where it need not be asked.
        queries: for Prometheus.
        latencies: whether a trial waits for the champion's quantiles.
    """

    namespace: str
    deployment: str
    plans: tuple[TrialPlan, ...] = ()
    queries: tuple[Query, ...] = ()
    latencies: bool = False


def inquiry(
    md: ModelDeployment, rollouts: tuple[RolloutStatus, ...], table: RoutingTable
) -> Inquiry | None:
    """The inquiry that belongs to a status, or None when nothing is to be asked."""
    rollout = md.spec.rollout
    if rollout is None or not md.spec.challengers:
        return None
    waiting = any(not r.trial and r.state != "Rejected" for r in rollouts)
    asks = any(gate.metric != "prometheus" for gate in rollout.gates)
    found = Inquiry(
        namespace=md.metadata.namespace,
        deployment=md.metadata.name,
        plans=trial_plans(md, rollouts, table) if asks else (),
        queries=tuple(_queries(md, rollouts)),
        latencies=waiting and any(gate.cut is not None for gate in rollout.gates),
    )
    return found if found.plans or found.queries or found.latencies else None


def _queries(md: ModelDeployment, rollouts: tuple[RolloutStatus, ...]) -> list[Query]:
    rollout = md.spec.rollout
    gates = rollout.gates if rollout is not None else ()
    return [
        Query(trial.challenger, gate.name, _filled_in(gate.query, md, trial))
        for trial in rollouts
        if trial.trial
        for gate in gates
        if gate.metric == "prometheus" and gate.query is not None
    ]


def _filled_in(query: str, md: ModelDeployment, trial: RolloutStatus) -> str:
    """The query with $challenger and the like replaced; any other dollar sign stays."""
    return string.Template(query).safe_substitute(
        namespace=md.metadata.namespace,
        modeldeployment=md.metadata.name,
        champion=trial.champion or "",
        challenger=trial.challenger,
    )
