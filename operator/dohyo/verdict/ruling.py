"""Spec, status, evidence and clock → who serves, who is on trial, and with how much.

The state of every rollout is what the status holds and nothing else; so an operator that dies
anywhere is replaced by one that comes to the same ruling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.modeldeployment import VersionSpec
from dohyo.api.scalars import duration_seconds
from dohyo.api.status import RolloutStatus
from dohyo.contract import TRIALS_JOINED_BY, routing_from_status
from dohyo.verdict.entrants import reconsidered, seated
from dohyo.verdict.judgement import judged
from dohyo.verdict.orders import obeyed
from dohyo.verdict.remembrance import remembered
from dohyo.verdict.ring import Ring
from dohyo.verdict.sequel import followed, held_or_released, next_change
from dohyo.verdict.shares import Portion, dealt, drawn, portion, within_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dohyo.api.resource import ModelDeployment
    from dohyo.verdict.evidence import Evidence

# The trial that assignments name while there is none.
NO_TRIAL: Final = "none"


@dataclass(frozen=True)
class Ruling:
    """What is decided.

    Attributes:
        champion: who is to serve.
        managed: whether a rollout sets the weights; otherwise the spec does.
        portions: by challenger; those on trial alone.
        starts: where each part of the line begins, by challenger.
        trial: what assignments name; None leaves it to who fixes weights by hand.
        salt: of the line; None likewise.
        asleep: versions of the spec that have lost and whose time of grace is over: no pods.
        beaten: versions that served before: they answer pinned requests, and nothing else.
        warm: the last champion, if it is to be kept running.
        status: the fields of the status that this decides.
        slow_seconds: the shortest time that a latency gate calls slow; None without such a gate.
        bad_codes: what a gate calls an error beside the gateway's own list.
        problem: why there is no fresh evidence although a gate asks for it; None otherwise.
        again_in: seconds until the clock alone changes something.
    """

    champion: str
    managed: bool = False
    portions: Mapping[str, Portion] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)
    trial: str | None = None
    salt: str | None = None
    asleep: frozenset[str] = frozenset()
    beaten: frozenset[str] = frozenset()
    warm: VersionSpec | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    slow_seconds: float | None = None
    bad_codes: tuple[str, ...] = ()
    problem: str | None = None
    again_in: float | None = None

    @property
    def rollouts(self) -> tuple[RolloutStatus, ...]:
        found: tuple[RolloutStatus, ...] = self.status.get("rollouts", ())
        return found


def verdict(md: ModelDeployment, evidence: Evidence, now: datetime, warm_seconds: float) -> Ruling:
    """Decides.

    Args:
        md: spec and annotations, and in the status all that was decided and seen before.
        evidence: what is known of the trials.
        now: the present, with a time zone.
        warm_seconds: how long the loser of a bout is kept running.
    """
    ring = reconsidered(Ring.of(md, now, warm_seconds))
    ring = obeyed(ring)
    ring = held_or_released(seated(remembered(ring, evidence), evidence))
    ring = _judged(ring, evidence)
    ring = followed(ring)
    # Whoever has lost or won just now leaves its place to those who wait.
    ring = held_or_released(seated(ring, evidence))
    ring = dealt(drawn(ring, evidence))
    return _ruling(ring, evidence)


def _judged(ring: Ring, evidence: Evidence) -> Ring:
    rollout = ring.md.spec.rollout
    if rollout is None:
        return ring
    for trial in list(ring.rollouts.values()):
        if trial.trial:
            ring = ring.put(trial, verdict=judged(rollout, trial, evidence, ring.now))
    return ring


def _ruling(ring: Ring, evidence: Evidence) -> Ruling:
    md, rollout = ring.md, ring.md.spec.rollout
    portions = _carried_over(ring)
    for name, trial in ring.rollouts.items():
        if rollout is not None:
            portions.setdefault(name, portion(rollout, trial))
    portions = within_line(portions)
    asleep = _asleep(ring)
    trials = [ring.rollouts[c.name].trial for c in md.spec.challengers if c.name in ring.rollouts]
    return Ruling(
        champion=ring.wanted,
        managed=rollout is not None,
        portions=portions,
        starts={n: r.slot.start for n, r in ring.rollouts.items() if r.slot is not None},
        trial=(TRIALS_JOINED_BY.join(filter(None, trials)) or NO_TRIAL) if rollout else None,
        salt=ring.salt if rollout else None,
        asleep=asleep,
        beaten=_beaten(ring),
        warm=VersionSpec.model_validate(ring.warm.specification) if ring.warm else None,
        status={
            "rollouts": _shown(ring),
            "history": ring.history,
            "promotion": ring.promotion,
            "rejections": ring.rejections,
            "warm": ring.warm,
            "paused_by_hand_at": ring.paused_by_hand_at,
            "orders": ring.orders,
            "trials": ring.trials,
            "ended": dict(ring.ended),
        },
        slow_seconds=_slow(ring),
        bad_codes=_codes(ring),
        problem=_problem(ring, evidence),
        again_in=next_change(ring),
    )


def _carried_over(ring: Ring) -> dict[str, Portion]:
    """A version that is about to take over keeps its share until it does."""
    table = ring.md.status.routing
    if ring.md.spec.rollout is None or not ring.switching or not table:
        return {}
    share = routing_from_status(table).share(ring.wanted)
    return {ring.wanted: Portion(share, 0, share)}


def _beaten(ring: Ring) -> frozenset[str]:
    warm = {ring.warm.name} if ring.warm else set()
    over = {ring.md.spec.champion.name} if ring.promotion else set()
    return frozenset((warm | over) - {ring.wanted, ring.serving})


def _asleep(ring: Ring) -> frozenset[str]:
    """Versions whose pods are no longer needed for going back."""
    awake = {ring.wanted, ring.serving} | ({ring.warm.name} if ring.warm else set())
    tired = {ring.md.spec.champion.name} if ring.promotion else set()
    if ring.md.spec.rollout is not None:
        out = ((c, ring.rejection(c)) for c in ring.md.spec.challengers)
        tired |= {c.name for c, why in out if why and ring.seconds_since(why.warm_until) >= 0}
    return frozenset(tired - awake)


def _shown(ring: Ring) -> tuple[RolloutStatus, ...]:
    """A line for every challenger of the spec, also for those that are out."""
    if ring.md.spec.rollout is None:
        return ()
    found: list[RolloutStatus] = []
    for challenger in ring.md.spec.challengers:
        trial, out = ring.rollouts.get(challenger.name), ring.rejection(challenger)
        if trial is not None:
            found.append(trial)
        elif out is not None and challenger.name not in (ring.wanted, ring.serving):
            found.append(
                RolloutStatus(
                    challenger=challenger.name,
                    state="Rejected",
                    message=f"{out.reason} at {out.at}; it stays out until its content changes or "
                    "retry is called",
                    verdict=out.verdict,
                )
            )
    return tuple(found)


def _slow(ring: Ring) -> float | None:
    """Slower answers than this are evidence in some trial."""
    rollout = ring.md.spec.rollout
    cuts = [s for r in ring.rollouts.values() if r.trial for s in r.cuts.values()]
    if rollout is not None and any(r.trial for r in ring.rollouts.values()):
        cuts += [duration_seconds(g.slo) for g in rollout.gates if g.slo is not None]
    return min(cuts, default=None)


def _codes(ring: Ring) -> tuple[str, ...]:
    rollout = ring.md.spec.rollout
    gates = rollout.gates if rollout is not None else ()
    return tuple(sorted({code for gate in gates for code in gate.codes or ()}))


def _problem(ring: Ring, evidence: Evidence) -> str | None:
    rollout = ring.md.spec.rollout
    asks = rollout is not None and any(g.metric != "prometheus" for g in rollout.gates)
    on_trial = any(r.trial for r in ring.rollouts.values())
    if not (asks and on_trial and evidence.asked) or evidence.report is not None:
        return None
    return evidence.problem
