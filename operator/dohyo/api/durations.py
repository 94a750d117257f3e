"""Rules about durations, which CEL cannot compare because it knows no days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo.api.scalars import duration_seconds
from dohyo.api.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.api.modeldeployment import ModelDeploymentSpec
    from dohyo.api.rollout import RolloutSpec


# Place and text for the reference page.
DURATION_RULES: Final = (
    ("spec.rollout.maxDuration", "is shorter than all steps together"),
    ("spec.rollout.labels.maxDelay", "is not below maxDuration, while a gate waits for labels"),
    ("spec.rollout.gates[].slo", "is not below spec.traffic.timeoutSeconds"),
)


def duration_violations(spec: ModelDeploymentSpec) -> Iterator[Violation]:
    """What cannot come to an end as it is written."""
    if spec.rollout is None:
        return
    yield from _steps(spec.rollout)
    yield from _labels(spec.rollout)
    yield from _slos(spec.rollout, spec.traffic.timeout_seconds)


def _steps(rollout: RolloutSpec) -> Iterator[Violation]:
    longest = duration_seconds(rollout.max_duration)
    together = sum(duration_seconds(step.duration) for step in rollout.steps)
    if together > longest:
        yield Violation(
            "spec.rollout.maxDuration",
            rollout.max_duration,
            f"is shorter than all steps together, which last {_spoken(together)}",
            "raise it or shorten the steps",
        )


def _labels(rollout: RolloutSpec) -> Iterator[Violation]:
    learns = any(gate.metric in {"loss", "reward"} for gate in rollout.gates)
    if learns and duration_seconds(rollout.labels.max_delay) >= duration_seconds(
        rollout.max_duration
    ):
        yield Violation(
            "spec.rollout.labels.maxDelay",
            rollout.labels.max_delay,
            f"is not below maxDuration {rollout.max_duration}: no label would ever be scored",
            "lower it or raise maxDuration",
        )


def _slos(rollout: RolloutSpec, timeout_seconds: float) -> Iterator[Violation]:
    for index, gate in enumerate(rollout.gates):
        if gate.slo is not None and duration_seconds(gate.slo) >= timeout_seconds:
            yield Violation(
                f"spec.rollout.gates[{index}].slo",
                gate.slo,
                f"is not below traffic.timeoutSeconds {timeout_seconds:g}: no answer is that slow",
                "lower it or raise timeoutSeconds",
            )


def _spoken(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
