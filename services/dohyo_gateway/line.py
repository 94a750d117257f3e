"""The line of BUCKETS as Envoy walks it: which version answers which stretch, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dohyo.contract import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dohyo.contract import RoutingTable


class Stretch(NamedTuple):
    """Neighbouring buckets with one fate.

    Attributes:
        version: that owns them.
        length: in buckets, > 0.
        fallback: the owner has no ready endpoint, so the champion answers in its place.
    """

    version: str
    length: int
    fallback: bool = False


def stretches(table: RoutingTable, ready: AbstractSet[str]) -> tuple[Stretch, ...]:
    """The whole line, the champion's parts between those of the challengers.

    Args:
        table: whose buckets are disjoint and on the line (see `validation`).
        ready: names of the versions that have an endpoint.
    """
    champion = table.champion.name
    owned = sorted(
        (start, end, version.name)
        for version in table.versions
        for start, end in version.buckets
        if end > start
    )
    walked: list[Stretch] = []
    at = 0
    for start, end, name in owned:
        if start > at:
            walked.append(Stretch(champion, start - at))
        walked.append(Stretch(name, end - start, name not in ready))
        at = end
    if at < BUCKETS:
        walked.append(Stretch(champion, BUCKETS - at))
    return tuple(walked)
