"""What each trial gets of the requests and of their copies, and where on the line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dohyo.api.status import Slot
from dohyo.contract import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.rollout import RolloutSpec, Step
    from dohyo.api.status import RolloutStatus
    from dohyo.verdict.evidence import Evidence
    from dohyo.verdict.ring import Ring

# A bandit's weights are drawn for a batch, never for a request.
DRAW_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Portion:
    """What one challenger gets, in 1/BUCKETS.

    Attributes:
        weight: of the requests, now.
        shadow: of the requests' copies, now.
        expected: what it has to be able to carry, now or in the next step.
    """

    weight: int = 0
    shadow: int = 0
    expected: int = 0


def portion(rollout: RolloutSpec, trial: RolloutStatus) -> Portion:
    """What a trial gets at its present step."""
    if not trial.trial:
        return Portion()
    steps = rollout.steps[trial.step : trial.step + 2] if rollout.steps else ()
    present, *following = map(_of_step, steps) if steps else (Portion(),)
    if rollout.allocation == "bandit":
        drawn = round((trial.drawn_weight or 0.0) * 100)
        present = Portion(drawn, present.shadow, drawn)
        following = []
    load = max(max(p.weight, p.shadow) for p in (present, *following))
    return Portion(present.weight, present.shadow, max(load, present.expected))


def within_line(portions: Mapping[str, Portion]) -> dict[str, Portion]:
    """The same, but nobody gets what others have been given before.

    Rules keep the sum of weights on the line; a rollout that is edited in the middle of several
    trials need not heed them yet.
    """
    room = BUCKETS
    found: dict[str, Portion] = {}
    for name, portion_ in portions.items():
        weight = min(portion_.weight, room)
        room -= weight
        found[name] = replace(portion_, weight=weight)
    return found


def _of_step(step: Step) -> Portion:
    return Portion(round((step.weight or 0) * 100), round((step.shadow or 0) * 100))


def drawn(ring: Ring, evidence: Evidence) -> Ring:
    """The ring with the bandit's weights of this batch; a newcomer begins at the floor."""
    rollout = ring.md.spec.rollout
    trials = [r for r in ring.rollouts.values() if r.trial]
    if rollout is None or rollout.allocation != "bandit" or ring.switching or not trials:
        return ring
    floor = min(rollout.bandit.floor, 100.0 / (len(trials) + 1))
    wanted = {r.challenger: _held(r, floor) / 100 for r in trials}
    proposed = (evidence.report.allocation if evidence.report else None) or {}
    due = [r.challenger for r in trials if r.state == "Running" and _is_due(ring, r)]
    fresh = bool(due) and all(r.challenger in proposed for r in trials)
    if fresh:
        wanted |= {name: proposed[name] for name in due}
    weights = floored(wanted, 100.0, rollout)
    for trial in trials:
        changes: dict[str, object] = {"drawn_weight": weights[trial.challenger]}
        if fresh and trial.challenger in due:
            changes["drawn_at"] = ring.stamp
        ring = ring.put(trial, **changes)
    return ring


def _held(trial: RolloutStatus, floor: float) -> float:
    return floor if trial.drawn_weight is None else trial.drawn_weight


def _is_due(ring: Ring, trial: RolloutStatus) -> bool:
    return trial.drawn_at is None or ring.seconds_since(trial.drawn_at) >= DRAW_SECONDS


def floored(proposed: Mapping[str, float], room: float, rollout: RolloutSpec) -> dict[str, float]:
    """Percent by challenger: as proposed, but nobody below the floor, the champion included.

    Args:
        proposed: shares of all requests by challenger, in all at most 1.
        room: percent of the requests to divide, the champion's part included.
        rollout: with the floor in percent.
    """
    floor = min(rollout.bandit.floor, room / (len(proposed) + 1))
    above = {name: max(0.0, 100.0 * share - floor) for name, share in proposed.items()}
    spare = room - floor * (len(proposed) + 1)
    wanted = sum(above.values())
    scale = min(1.0, spare / wanted) if wanted > 0 else 0.0
    # Downwards, so that rounding never takes from the champion's floor.
    return {name: int((floor + scale * extra) * 100) / 100 for name, extra in above.items()}


def dealt(ring: Ring) -> Ring:
    """The ring in which every trial that goes by steps has its own part of the line.

    A trial keeps its part until it ends; one that needs more than its part holds, because steps
    were changed, lets all be dealt anew.
    """
    rollout = ring.md.spec.rollout
    if rollout is None or rollout.allocation != "steps" or ring.switching:
        return ring
    width = max((round((s.weight or 0) * 100) for s in rollout.steps), default=0)
    on_line = [r for r in ring.rollouts.values() if r.trial]
    if any(r.slot is not None and r.slot.width < width for r in on_line):
        for trial in on_line:
            ring = ring.put(trial, slot=None)
    for challenger in ring.md.spec.challengers:
        newcomer = ring.rollouts.get(challenger.name)
        if newcomer is None or not newcomer.trial or newcomer.slot is not None:
            continue
        start = _gap([r.slot for r in ring.rollouts.values() if r.slot is not None], width)
        if start is not None:
            ring = ring.put(newcomer, slot=Slot(start=start, width=width))
    return ring


def _gap(taken: list[Slot], width: int) -> int | None:
    """Where the first part of that width is free; None when there is none."""
    at = 0
    for slot in sorted(taken, key=lambda s: s.start):
        if slot.start - at >= width:
            return at
        at = max(at, slot.start + slot.width)
    return at if BUCKETS - at >= width else None
