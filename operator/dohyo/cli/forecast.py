"""How long a rollout's gates will take, as remarks of lint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dohyo.api.scalars import duration_seconds
from dohyo.api.validation import check
from dohyo.api.violations import Violation
from dohyo.verdict.planning import estimates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo.api.modeldeployment import ModelDeploymentSpec


def forecast(spec: ModelDeploymentSpec) -> Iterator[str]:
    """A line for each gate whose answer takes evidence of requests."""
    for estimate in estimates(spec):
        yield (
            f"gate {estimate.gate}: about {counted(estimate.requests)} until it passes "
            f"({estimate.assumption})"
        )


def out_of_reach(spec: ModelDeploymentSpec, per_second: float) -> Iterator[Violation]:
    """Gates that cannot pass within `maxDuration` at that traffic.

    Args:
        spec: a valid one.
        per_second: requests of all clients together.
    """
    rollout = spec.rollout
    if rollout is None:
        return
    last = duration_seconds(rollout.max_duration)
    if any(g.metric in ("loss", "reward") for g in rollout.gates):
        last -= duration_seconds(rollout.labels.max_delay)
    index = {gate.name: i for i, gate in enumerate(rollout.gates)}
    for estimate in estimates(spec):
        there = per_second * last
        if estimate.requests <= there:
            continue
        yield Violation(
            f"spec.rollout.gates[{index[estimate.gate]}]",
            estimate.gate,
            f"needs about {counted(estimate.requests)}, and {per_second:g} per second bring "
            f"{counted(there)} within maxDuration {rollout.max_duration}",
            "allow a wider margin, give a step more weight or shadow, or raise maxDuration",
        )


def specification(raw: Mapping[str, Any]) -> ModelDeploymentSpec | None:
    """The typed spec; None when it is invalid, which others tell."""
    return check(raw).spec


def counted(requests: float) -> str:
    """Two digits are more than such an estimate knows."""
    if math.isinf(requests):
        return "no number of requests"
    digits = max(0, math.floor(math.log10(max(requests, 1))) - 1)
    return f"{math.ceil(requests / 10**digits) * 10**digits:,} requests"
