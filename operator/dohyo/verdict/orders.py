"""Manual actions: annotations that are followed once, and what became of each.

An order is remembered in the status, in the same write as its effect, and its annotation is removed
after that; so a crash between the two neither loses nor repeats it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import shortened
from dohyo.api.status import MAX_ORDERS, Order
from dohyo.contract import GROUP
from dohyo.verdict.moves import promoted, set_aside, undone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dohyo.verdict.ring import Ring

ACTIONS: Final = ("promote", "abort", "pause", "resume", "undo", "retry")
# Values that name nobody in particular.
ANYBODY: Final = ("", "true")
_WIDTH: Final = 253


class RefusedError(Exception):
    """An order cannot be followed; says why, and the way out."""


def annotation(action: str) -> str:
    """The annotation's key."""
    return f"{GROUP}/{action}"


def orders_in(annotations: Mapping[str, str]) -> dict[str, str]:
    """Asked actions with their values, in a fixed order."""
    return {
        action: annotations[annotation(action)][:_WIDTH]
        for action in ACTIONS
        if annotation(action) in annotations
    }


def obeyed(ring: Ring) -> Ring:
    """The ring after every order that was not followed before."""
    asked = orders_in(ring.md.metadata.annotations)
    known = tuple(
        o if o.settled or asked.get(o.action) == o.value else o.model_copy(update={"settled": True})
        for o in ring.orders
    )
    ring = replace(ring, orders=known)
    for action, value in asked.items():
        if any((o.action, o.value, o.settled) == (action, value, False) for o in known):
            continue
        try:
            ring, message = _FOLLOW[action](ring, _subject(value))
            refused = False
        except RefusedError as refusal:
            message, refused = str(refusal), True
        order = Order(
            number=1 + max((o.number for o in ring.orders), default=0),
            action=action,
            value=value,
            refused=refused,
            message=shortened(message),
        )
        others = tuple(o for o in ring.orders if o.action != action)
        ring = replace(ring, orders=(*others, order)[-MAX_ORDERS:])
    return ring


def _subject(value: str) -> str | None:
    return None if value.strip().lower() in ANYBODY else value.strip()


def _challenger(ring: Ring, name: str | None, action: str) -> str:
    """The challenger that is meant: the one that is named, or the only one there is."""
    names = [c.name for c in ring.md.spec.challengers if c.name != ring.serving]
    if name is not None and name in names:
        return name
    listed = ", ".join(names)
    if not names:
        said = action if name is None else f"{action} {name}"
        raise RefusedError(f"{said}: there is no challenger; add one to spec.challengers")
    if name is not None:
        raise RefusedError(f"{action} {name}: is no challenger; there are: {listed}")
    on_trial = [n for n in names if n in ring.rollouts and ring.rollouts[n].trial] or names
    if len(on_trial) != 1:
        raise RefusedError(f"{action}: there are {listed}; name one of them")
    return on_trial[0]


def _promote(ring: Ring, name: str | None) -> tuple[Ring, str]:
    chosen = _challenger(ring, name, "promote")
    version = ring.specification(chosen)
    if version is None or not ring.ready_once(version):
        out = version is not None and ring.rejection(version) is not None
        way_out = "retry it first, which gives it pods again" if out else "wait until it is"
        raise RefusedError(f"promote {chosen}: it is not ready; {way_out}")
    return promoted(ring, chosen, "PromotedByHand"), f"{chosen} is promoted by hand"


def _abort(ring: Ring, name: str | None) -> tuple[Ring, str]:
    if ring.md.spec.rollout is None:
        raise RefusedError("abort: there is no rollout; set the challenger's weight to 0")
    chosen = _challenger(ring, name, "abort")
    if chosen not in ring.rollouts:
        raise RefusedError(f"abort {chosen}: it is not on trial")
    return set_aside(ring, chosen, "Aborted"), f"{chosen} is aborted; retry lets it begin anew"


def _pause(ring: Ring, _: str | None) -> tuple[Ring, str]:
    if ring.md.spec.rollout is None:
        raise RefusedError("pause: there is no rollout; spec.paused keeps the traffic as it is")
    if ring.paused_by_hand_at is not None:
        raise RefusedError("pause: it is paused already")
    held = replace(ring, paused_by_hand_at=ring.stamp)
    return held, "no step advances and nobody is promoted until resume"


def _resume(ring: Ring, _: str | None) -> tuple[Ring, str]:
    waiting = [r for r in ring.rollouts.values() if r.state == "Paused"]
    if ring.paused_by_hand_at is None and not waiting:
        raise RefusedError("resume: nothing is paused by hand or by a verdict")
    ring = replace(ring, paused_by_hand_at=None)
    said = ["the rollout goes on"]
    for rollout in waiting:
        if rollout.paused_by == "Passed" and not ring.switching:
            ring = promoted(ring, rollout.challenger, "Promoted")
            said.append(f"{rollout.challenger} is promoted, as it has passed")
        elif rollout.paused_by == "Failed":
            said.append(
                f"{rollout.challenger} has failed and stays where it is; abort, promote or retry it"
            )
        elif rollout.paused_by == "Inconclusive":
            ring = _given_more_time(ring, rollout.challenger)
            said.append(f"{rollout.challenger} gets maxDuration once more")
    return ring, "; ".join(said)


def _given_more_time(ring: Ring, name: str) -> Ring:
    ring = ring.resumed(ring.rollouts[name])
    rollout = ring.rollouts[name]
    if rollout.started_at is None:
        return ring
    return ring.put(rollout, extended_seconds=int(ring.seconds_since(rollout.started_at)))


def _undo(ring: Ring, _: str | None) -> tuple[Ring, str]:
    if ring.promotion is None:
        raise RefusedError(
            "undo: no promotion overrides spec.champion; change spec.champion, or retry a "
            "challenger that was rolled back"
        )
    beaten = ring.promotion.name
    ring = undone(ring)
    return ring, f"{ring.wanted} serves again instead of {beaten}"


def _retry(ring: Ring, name: str | None) -> tuple[Ring, str]:
    out = [
        c.name
        for c in ring.md.spec.challengers
        if ring.rejection(c) is not None and c.name != ring.wanted
    ]
    failed = [r.challenger for r in ring.rollouts.values() if r.paused_by == "Failed"]
    candidates = out + failed
    if name is None and len(candidates) == 1:
        name = candidates[0]
    if name is None or name not in candidates:
        said = "retry" if name is None else f"retry {name}"
        if not candidates:
            way_out = "whoever was aborted, rolled back or replaced can be retried"
            raise RefusedError(f"{said}: nobody is out of the ring; {way_out}")
        raise RefusedError(f"{said}: out of the ring is {', '.join(candidates)}; name one of them")
    return ring.readmitted(name).without(name), f"{name} begins a new trial"


_FOLLOW: Final[Mapping[str, Callable[[Ring, str | None], tuple[Ring, str]]]] = {
    "promote": _promote,
    "abort": _abort,
    "pause": _pause,
    "resume": _resume,
    "undo": _undo,
    "retry": _retry,
}
