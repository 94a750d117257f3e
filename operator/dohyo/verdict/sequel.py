"""A trial's verdict and the clock → what follows: go on, advance, promote, roll back, or wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dohyo.api.conditions import parsed_time
from dohyo.api.scalars import duration_seconds
from dohyo.verdict.moves import promoted, set_aside

if TYPE_CHECKING:
    from datetime import datetime

    from dohyo.api.rollout import RolloutSpec
    from dohyo.api.status import RolloutStatus
    from dohyo.verdict.ring import Ring


def held_or_released(ring: Ring) -> Ring:
    """The ring in which pauses of the spec and by hand begin and end."""
    by = _pause_of_all(ring)
    for rollout in list(ring.rollouts.values()):
        if by is not None and rollout.state == "Running":
            ring = ring.paused(rollout, "Spec" if by == "spec.paused" else "Hand")
        elif by is None and rollout.state == "Paused" and rollout.paused_by in ("Spec", "Hand"):
            ring = ring.resumed(rollout)
    return ring


def _pause_of_all(ring: Ring) -> str | None:
    if ring.md.spec.paused:
        return "spec.paused"
    return "hand" if ring.paused_by_hand_at is not None else None


def followed(ring: Ring) -> Ring:
    """The ring after what each verdict asks for, in the order of the spec.

    One promotion at most: the others then wait for the new champion, to begin anew against it.
    """
    rollout = ring.md.spec.rollout
    if rollout is None or ring.md.spec.paused:
        return ring
    for challenger in ring.md.spec.challengers:
        trial = ring.rollouts.get(challenger.name)
        if trial is not None and trial.trial and trial.state in ("Running", "Paused"):
            ring = _followed(ring, rollout, trial)
    return ring


def _followed(ring: Ring, rollout: RolloutSpec, trial: RolloutStatus) -> Ring:
    outcome = trial.verdict.outcome if trial.verdict else "inconclusive"
    if outcome == "failed":
        return _failed(ring, rollout, trial)
    if trial.state == "Paused" or ring.switching or outcome == "error":
        return ring
    if _through(ring, rollout, trial):
        if trial.step + 1 < len(rollout.steps):
            return ring.put(trial, step=trial.step + 1, step_started_at=ring.stamp)
        if outcome == "passed":
            return _passed(ring, rollout, trial)
    return _expired(ring, rollout, trial) if ring.now >= deadline(rollout, trial) else ring


def _through(ring: Ring, rollout: RolloutSpec, trial: RolloutStatus) -> bool:
    """Whether the present step has lasted as long as it must."""
    if trial.step_started_at is None:
        return False
    return ring.seconds_since(trial.step_started_at) >= step_seconds(rollout, trial.step)


def _passed(ring: Ring, rollout: RolloutSpec, trial: RolloutStatus) -> Ring:
    if rollout.on_pass == "Pause":  # noqa: S105 - no password
        return ring.paused(trial, "Passed")
    return promoted(ring, trial.challenger, "Promoted")


def _expired(ring: Ring, rollout: RolloutSpec, trial: RolloutStatus) -> Ring:
    if rollout.on_inconclusive == "Rollback":
        return set_aside(ring, trial.challenger, "Inconclusive")
    return ring.paused(trial, "Inconclusive")


def _failed(ring: Ring, rollout: RolloutSpec, trial: RolloutStatus) -> Ring:
    if rollout.on_fail == "Rollback":
        return set_aside(ring, trial.challenger, "GateFailed")
    return ring if trial.paused_by == "Failed" else ring.paused(trial, "Failed")


def step_seconds(rollout: RolloutSpec, step: int) -> float:
    """How long a step lasts at least; a bandit without steps has one that lasts no time."""
    if not rollout.steps:
        return 0.0
    return duration_seconds(rollout.steps[min(step, len(rollout.steps) - 1)].duration)


def deadline(rollout: RolloutSpec, trial: RolloutStatus) -> datetime:
    """When a trial without a decision is inconclusive.

    Raises:
        ValueError: the trial has not begun.
    """
    if trial.started_at is None:
        raise ValueError(f"the trial of {trial.challenger} has not begun")
    seconds = duration_seconds(rollout.max_duration) + trial.extended_seconds
    return parsed_time(trial.started_at) + timedelta(seconds=seconds)


def next_change(ring: Ring) -> float | None:
    """Seconds until the clock alone changes something; None when it does not."""
    rollout = ring.md.spec.rollout
    waits: list[float] = []
    for trial in ring.rollouts.values():
        if rollout is None or trial.state != "Running" or trial.step_started_at is None:
            continue
        left = step_seconds(rollout, trial.step) - ring.seconds_since(trial.step_started_at)
        if left > 0:
            waits.append(left)
        waits.append((deadline(rollout, trial) - ring.now).total_seconds())
    if ring.warm is not None:
        waits.append(-ring.seconds_since(ring.warm.until))
    waits += [-ring.seconds_since(out.warm_until) for out in ring.rejections]
    return min((wait for wait in waits if wait > 0), default=None)
