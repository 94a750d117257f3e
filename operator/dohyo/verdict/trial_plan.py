"""A trial in the status → what the evidence service is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import parsed_time
from dohyo.api.scalars import duration_seconds
from dohyo.contract.trials import (
    MISSING_EXCLUDE,
    MISSING_WORST,
    UNIT_ENTITY,
    UNIT_REQUEST,
    EpochPlan,
    GatePlan,
    LabelPlan,
    TrialPlan,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.resource import ModelDeployment
    from dohyo.api.rollout import Gate, Labels
    from dohyo.api.status import RolloutStatus, Thresholds
    from dohyo.contract import RoutingTable

MIN_UNITS: Final = 100
LONGEST_WINDOW_SECONDS: Final = 600.0


def trial_plans(
    md: ModelDeployment, rollouts: tuple[RolloutStatus, ...], table: RoutingTable
) -> tuple[TrialPlan, ...]:
    """The plans of all trials that are open.

    Args:
        md: the resource.
        rollouts: as they will stand in the status.
        table: the routes that belong to them.
    """
    if md.spec.rollout is None:
        return ()
    return tuple(_plan(md, r, table) for r in rollouts if r.trial and r.thresholds is not None)


def _plan(md: ModelDeployment, trial: RolloutStatus, table: RoutingTable) -> TrialPlan:
    rollout = md.spec.rollout
    if rollout is None or trial.started_at is None or trial.champion is None:
        raise ValueError(f"the trial of {trial.challenger} has not begun")
    limits = trial.thresholds
    bandit = rollout.allocation == "bandit"
    scored = [g.name for g in rollout.gates if g.metric in ("loss", "reward")]
    return TrialPlan(
        namespace=md.metadata.namespace,
        deployment=md.metadata.name,
        trial=trial.trial,
        champion=trial.champion,
        challenger=trial.challenger,
        salt=table.salt,
        unit=UNIT_REQUEST if table.sticky_header is None else UNIT_ENTITY,
        started=parsed_time(trial.started_at).timestamp(),
        gates=tuple(
            gate_plan(gate, limits, trial.cuts)
            for gate in rollout.gates
            if gate.metric != "prometheus"
        ),
        labels=_labels(rollout.labels),
        # Labels settle once in `maxDelay`; a longer first window would only keep them waiting.
        window_seconds=min(LONGEST_WINDOW_SECONDS, duration_seconds(rollout.labels.max_delay)),
        min_units=MIN_UNITS,
        epochs=(_epoch(table),),
        bandit_floor=rollout.bandit.floor / 100 if bandit else None,
        bandit_gate=scored[0] if bandit and scored else None,
    )


def gate_plan(gate: Gate, limits: Thresholds | None, cuts: Mapping[str, float]) -> GatePlan:
    """The nulls of one gate.

    Args:
        gate: as written in the spec.
        limits: of the trial.
        cuts: frozen quantiles of the champion in seconds, by gate.
    """
    better, worse = _effects(gate)
    return GatePlan(
        name=gate.name,
        metric=gate.metric,
        dry_run=gate.dry_run,
        harm_ratio=gate.harm_ratio,
        min_excess=gate.min_excess,
        max_absolute=gate.max_absolute,
        margin_ratio=gate.margin.ratio if gate.margin else None,
        margin_absolute=gate.margin.absolute if gate.margin and _is_rate(gate) else None,
        harm_effect=worse,
        pass_effect=better,
        harm_threshold=limits.harm if limits else None,
        pass_threshold=limits.promote if limits else None,
        cap_threshold=limits.harm if limits else None,
        codes=gate.codes or (),
        cuts_seconds=_cuts(gate, cuts),
        loss=gate.loss,
        costs=gate.costs,
        cap=gate.cap,
        min_agreement=gate.min_agreement,
        max_psi=gate.max_psi,
        features=gate.features or (),
    )


def _is_rate(gate: Gate) -> bool:
    return gate.metric in ("error-rate", "latency")


def _effects(gate: Gate) -> tuple[float | None, float | None]:
    """The effect that a score must be proven to be above, and how far below 0 is harm."""
    if gate.metric not in ("loss", "reward"):
        return None, None
    margin = (gate.margin.absolute if gate.margin else None) or 0.0
    return (-margin, margin) if gate.goal == "non-inferior" else (margin, 0.0)


def _cuts(gate: Gate, frozen: Mapping[str, float]) -> tuple[float, ...]:
    cuts = [frozen[gate.name]] if gate.name in frozen else []
    if gate.slo is not None:
        cuts.append(duration_seconds(gate.slo))
    return tuple(cuts)


def _labels(labels: Labels) -> LabelPlan:
    return LabelPlan(
        max_delay_seconds=duration_seconds(labels.max_delay),
        missing=MISSING_WORST if labels.missing == "worst" else MISSING_EXCLUDE,
        independent_of_prediction=labels.independent_of_prediction,
    )


def _epoch(table: RoutingTable) -> EpochPlan:
    return EpochPlan(table.epoch, {v.name: v.buckets for v in table.versions if v.buckets})
