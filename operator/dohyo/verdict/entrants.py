"""Who is on trial: newcomers, those who wait for their turn, and trials that begin anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dohyo.api.status import RolloutStatus
from dohyo.verdict.budget import thresholds
from dohyo.verdict.identity import identity, trial_name
from dohyo.verdict.moves import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.api.modeldeployment import ChallengerSpec
    from dohyo.api.rollout import RolloutSpec
    from dohyo.api.status import Promotion, Rejection, WarmVersion
    from dohyo.verdict.evidence import Evidence
    from dohyo.verdict.ring import Ring

# A quantile is frozen from at least so many answers beyond it.
_BEYOND: Final = 10
_FEWEST: Final = 200


def reconsidered(ring: Ring) -> Ring:
    """The ring without what a change of the spec has made void."""
    ring = replace(
        ring,
        promotion=ring.promotion if _holds(ring, ring.promotion) else None,
        rejections=tuple(r for r in ring.rejections if _still_out(ring, r)),
    )
    return replace(ring, warm=_still_warm(ring))


def _still_warm(ring: Ring) -> WarmVersion | None:
    """The last champion's time runs from when it no longer serves."""
    warm = ring.warm
    if warm is None or warm.name == ring.serving == ring.wanted:
        return None  # or it serves again, and is nobody's past
    left = -ring.seconds_since(warm.until)
    if warm.name == ring.serving and left < ring.warm_seconds / 2:
        return warm.model_copy(update={"until": ring.until(ring.warm_seconds)})
    return warm if left > 0 else None


def _holds(ring: Ring, promotion: Promotion | None) -> bool:
    """Whether the spec still names the champion that was beaten, and the version that won."""
    if promotion is None or ring.md.spec.champion.name != promotion.over:
        return False
    version = ring.md.spec.version(promotion.name)
    return version is not None and version.content == promotion.content


def _still_out(ring: Ring, rejection: Rejection) -> bool:
    """Also one that has left the spec stays out, should it come back as it was."""
    version = ring.md.spec.version(rejection.name)
    if version is None:
        return True
    if version.name == ring.md.spec.champion.name:
        return False  # whom the spec calls champion is nobody's challenger
    return version.content == rejection.content


def seated(ring: Ring, evidence: Evidence) -> Ring:
    """The ring with a place for every challenger of the spec, and trials begun that can begin."""
    rollout = ring.md.spec.rollout
    names = [c.name for c in ring.md.spec.challengers]
    if rollout is None:
        return replace(ring, rollouts={})
    kept = {n: r for n, r in ring.rollouts.items() if n in names and n != ring.wanted}
    ring = _restarted(replace(ring, rollouts=kept))
    candidates = [
        c
        for c in ring.md.spec.challengers
        if c.name not in (ring.wanted, ring.serving) and ring.rejection(c) is None
    ]
    ring = _replaced(ring, rollout, candidates)
    candidates = [c for c in candidates if ring.rejection(c) is None]
    chosen = _invited(ring, rollout, candidates)
    for challenger in candidates:
        ring = _placed(ring, challenger, challenger.name in chosen, evidence)
    return _begun(ring, rollout, chosen, evidence)


def _restarted(ring: Ring) -> Ring:
    """Trials of something that has changed have to begin anew.

    While the champion is being replaced they wait with what they have.
    """
    champion = ring.specification(ring.wanted)
    if ring.switching or champion is None:
        return ring
    for name, trial in ring.rollouts.items():
        challenger = ring.md.spec.version(name)
        if challenger is None or not trial.trial:
            continue
        if trial.identity != identity(ring.md.spec, champion, challenger):
            tried = trial.attempt if trial.champion == ring.wanted else 0
            fresh = RolloutStatus(challenger=name, attempt=tried)
            ring = replace(ring, rollouts={**ring.rollouts, name: fresh})
    return ring


def _replaced(ring: Ring, rollout: RolloutSpec, candidates: list[ChallengerSpec]) -> Ring:
    """With `Replace`, a newcomer that is ready takes the place of all others.

    Of several newcomers it is the last one in the spec.
    """
    if rollout.on_new_challenger != "Replace" or ring.switching:
        return ring
    newcomers = [c for c in candidates if ring.ready_once(c) and not _on_trial(ring, c.name)]
    present = [c for c in candidates if _on_trial(ring, c.name)]
    if newcomers:
        for old in (*present, *newcomers[:-1]):
            ring = set_aside(ring, old.name, "Replaced")
    return ring


def _on_trial(ring: Ring, name: str) -> bool:
    return name in ring.rollouts and bool(ring.rollouts[name].trial)


def _invited(
    ring: Ring, rollout: RolloutSpec, candidates: Iterable[ChallengerSpec]
) -> tuple[str, ...]:
    """Who may be on trial now: all, or one at a time."""
    ready = [c.name for c in candidates if ring.ready_once(c) or _on_trial(ring, c.name)]
    if rollout.on_new_challenger == "Parallel":
        return tuple(ready)
    present = [name for name in ready if _on_trial(ring, name)]
    return tuple((present or ready)[:1])


def _placed(ring: Ring, challenger: ChallengerSpec, invited: bool, evidence: Evidence) -> Ring:
    name = challenger.name
    present = ring.rollouts.get(name, RolloutStatus(challenger=name))
    if present.trial:
        return ring.put(present)
    if not ring.ready_once(challenger):
        known = ring.md.status.version(name)
        said = known.message if known and known.message else "its pods start"
        return ring.put(present, state="Waiting", message=f"waits until it is ready: {said}"[:500])
    if not invited:
        return ring.put(present, state="Queued", message="waits for its turn")
    hindrance = _hindrance(ring, evidence)
    return ring.put(present, state="Waiting", message=hindrance or "begins")


def _hindrance(ring: Ring, evidence: Evidence) -> str | None:
    """Why no trial can begin now."""
    if ring.switching or ring.md.status.routing is None:
        return f"waits until {ring.wanted} serves"
    if ring.md.spec.paused or ring.paused_by_hand_at is not None:
        return "waits, as the rollout is paused"
    lacking = _without_cut(ring, evidence)
    return f"waits for answers of {ring.wanted} to freeze its {lacking} from" if lacking else None


def _begun(ring: Ring, rollout: RolloutSpec, chosen: tuple[str, ...], evidence: Evidence) -> Ring:
    """Begins every trial that is invited and not hindered; they share one error budget."""
    if _hindrance(ring, evidence) is not None:
        return ring
    champion = ring.specification(ring.wanted)
    coming = [name for name in chosen if not _on_trial(ring, name)]
    if champion is None:
        return ring
    for name in coming:
        challenger = ring.md.spec.version(name)
        if challenger is None:
            continue
        digest = identity(ring.md.spec, champion, challenger)
        trial = trial_name(ring.md.metadata.uid, digest, ring.trials + 1, ring.stamp)
        alone = not any(r.trial for r in ring.rollouts.values())
        # A line that somebody is on keeps its salt: others' entities stay where they are.
        ring = replace(ring, trials=ring.trials + 1, salt=trial if alone else ring.salt)
        ring = ring.put(
            ring.rollouts[name],
            state="Running",
            message=None,
            trial=trial,
            champion=champion.name,
            identity=digest,
            attempt=_attempt(ring, name),
            thresholds=thresholds(rollout, _contenders(rollout, ring, chosen)),
            cuts=_frozen(ring, evidence),
            slot=None,
            step=0,
            step_started_at=ring.stamp,
            started_at=ring.stamp,
            extended_seconds=0,
            evidence_since=None,
            verdict=None,
        )
    return ring


def _attempt(ring: Ring, name: str) -> int:
    """How many trials of this content there were before this one, and one more."""
    challenger = ring.md.spec.version(name)
    content = challenger.content if challenger else None
    before = [h for h in ring.history if (h.challenger, h.content) == (name, content)]
    return max(ring.rollouts[name].attempt, len(before)) + 1


def _contenders(rollout: RolloutSpec, ring: Ring, chosen: tuple[str, ...]) -> int:
    """Over how many challengers the budgets are split: all that may be on trial together.

    Those that are not ready yet count as well, since thresholds do not change in a trial.
    """
    if rollout.on_new_challenger != "Parallel":
        return 1
    waiting = [r for r in ring.rollouts.values() if r.state != "Rejected"]
    return max(1, len(chosen), len(waiting))


def _quantiles(rollout: RolloutSpec) -> dict[str, float]:
    """The wanted quantile of each latency gate that has one."""
    return {gate.name: float(gate.cut[1:]) / 100 for gate in rollout.gates if gate.cut is not None}


def _without_cut(ring: Ring, evidence: Evidence) -> str | None:
    """The first quantile that cannot be frozen yet."""
    if ring.md.spec.rollout is None:
        return None
    latency = evidence.latencies.get(ring.wanted)
    for q in _quantiles(ring.md.spec.rollout).values():
        enough = max(_FEWEST, round(_BEYOND / (1 - q)))
        if latency is None or latency.total < enough or latency.quantile(q) is None:
            return f"p{100 * q:g} (at least {enough:,})"
    return None


def _frozen(ring: Ring, evidence: Evidence) -> dict[str, float]:
    latency = evidence.latencies.get(ring.wanted)
    if latency is None or ring.md.spec.rollout is None:
        return {}
    found = {n: latency.quantile(q) for n, q in _quantiles(ring.md.spec.rollout).items()}
    return {name: round(seconds, 6) for name, seconds in found.items() if seconds is not None}
