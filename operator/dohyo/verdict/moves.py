"""The three ways a bout ends: a new champion, a challenger set aside, a promotion taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dohyo.api.status import Promotion, WarmVersion

if TYPE_CHECKING:
    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.verdict.ring import Ring


def promoted(ring: Ring, name: str, outcome: str) -> Ring:
    """The ring in which a challenger is to serve. The spec stays as it is.

    A champion that was a challenger itself is beaten for good; the champion of the spec needs no
    such note, since the promotion stands in its way.
    """
    winner, loser = ring.specification(name), ring.specification(ring.wanted)
    if winner is None:
        return ring
    ring = ring.ended_with(winner, outcome, ring.wanted)
    beaten = ring.md.spec.version(ring.wanted)
    if beaten is not None and beaten.name != ring.md.spec.champion.name:
        ring = ring.rejected(beaten, "Beaten")
    promotion = Promotion(
        name=name, content=winner.content, over=ring.md.spec.champion.name, at=ring.stamp
    )
    return replace(_warm(ring, loser), promotion=promotion).readmitted(name).without(name)


def set_aside(ring: Ring, name: str, reason: str) -> Ring:
    """The ring without that challenger: it lost, was aborted, replaced, or ran out of time."""
    version = ring.specification(name)
    if version is None:
        return ring.without(name)
    return ring.ended_with(version, reason, ring.wanted).rejected(version, reason)


def undone(ring: Ring) -> Ring:
    """The ring in which the version before the last promotion serves again."""
    if ring.promotion is None:
        return ring
    beaten = ring.specification(ring.promotion.name)
    back = _before(ring, ring.promotion.name)
    if beaten is not None:
        ring = ring.ended_with(beaten, "Undone", back).rejected(beaten, "Undone")
    previous = ring.md.spec.version(back)
    if previous is None or back == ring.md.spec.champion.name:
        return replace(ring, promotion=None)
    promotion = Promotion(
        name=back, content=previous.content, over=ring.md.spec.champion.name, at=ring.stamp
    )
    return replace(ring, promotion=promotion).readmitted(back).without(back)


def _before(ring: Ring, name: str) -> str:
    """Whom that version was promoted over: as the history has it, else the spec's champion."""
    for entry in ring.history:
        if entry.challenger == name and entry.outcome in ("Promoted", "PromotedByHand"):
            return entry.champion if ring.md.spec.version(entry.champion) else _champion(ring)
    return _champion(ring)


def _champion(ring: Ring) -> str:
    return ring.md.spec.champion.name


def _warm(ring: Ring, loser: VersionSpec | None) -> Ring:
    if loser is None:
        return ring
    kept = WarmVersion(
        name=loser.name,
        until=ring.until(ring.warm_seconds),
        specification=loser.as_kept(),
    )
    return replace(ring, warm=kept)
