"""Who owns which part of the line of BUCKETS: shares that move as few entities as possible.

An entity stays where it is as long as its bucket keeps its owner. So a challenger that grows takes
free buckets (the champion's) and keeps its own, one that shrinks gives its last ones back to the
champion, and nothing ever passes from one challenger to another.

A challenger on trial has a part of the line of its own, which it fills from the part's start.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from dohyo.contract import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

Interval: TypeAlias = tuple[int, int]
Intervals: TypeAlias = tuple[Interval, ...]


NOWHERE: Final[Mapping[str, int]] = MappingProxyType({})


def allocate(
    previous: Mapping[str, Intervals],
    shares: Mapping[str, int],
    starts: Mapping[str, int] = NOWHERE,
) -> dict[str, Intervals]:
    """Gives each challenger exactly its share of the line.

    Args:
        previous: half-open intervals that challengers own now; who is not in `shares` loses them.
        shares: wanted buckets by challenger, in the order of the spec; their sum is <= BUCKETS.
        starts: where those begin that have a part of their own; the parts are disjoint.

    Returns:
        Sorted, disjoint, joined intervals for every name in `shares` (empty for a share of 0).

    Raises:
        ValueError: the shares are more than the whole line.
    """
    if sum(shares.values()) > BUCKETS:
        raise ValueError(f"shares {dict(shares)} are more than {BUCKETS} in all; lower them")
    kept: dict[str, Intervals] = {
        name: ((starts[name], starts[name] + share),) if share else ()
        for name, share in shares.items()
        if name in starts
    }
    fixed = tuple(interval for intervals in kept.values() for interval in intervals)
    for name, share in shares.items():
        if name not in starts:
            kept[name] = _first(_outside(previous.get(name, ()), fixed), share)
    for name, share in shares.items():
        missing = share - size(kept[name])
        if missing:
            kept[name] = _joined((*kept[name], *_first(_free(kept), missing)))
    return {name: kept[name] for name in shares}


def size(intervals: Intervals) -> int:
    """How many buckets the intervals hold."""
    return sum(end - start for start, end in intervals)


def _first(intervals: Intervals, count: int) -> Intervals:
    """The first `count` buckets of the intervals."""
    taken: list[Interval] = []
    for start, end in intervals:
        length = min(end - start, count)
        if length > 0:
            taken.append((start, start + length))
            count -= length
    return tuple(taken)


def _outside(intervals: Intervals, taken: Intervals) -> Intervals:
    """The intervals without what is taken."""
    for start, end in taken:
        intervals = tuple(
            (low, high)
            for a, b in intervals
            for low, high in ((a, min(b, start)), (max(a, end), b))
            if low < high
        )
    return intervals


def _free(owned: Mapping[str, Intervals]) -> Intervals:
    """What nobody owns, from the start of the line."""
    free: list[Interval] = []
    at = 0
    for start, end in sorted(interval for intervals in owned.values() for interval in intervals):
        if start > at:
            free.append((at, start))
        at = max(at, end)
    if at < BUCKETS:
        free.append((at, BUCKETS))
    return tuple(free)


def _joined(intervals: Intervals) -> Intervals:
    """The same buckets, with neighbouring intervals made one."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
