"""Waiting for a condition, with a deadline and a last word about what was seen instead."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Seen = TypeVar("Seen")

LOOK_EVERY_SECONDS = 0.25
SHOWN_CHARACTERS = 3000


def until(
    what: str,
    look: Callable[[], Seen],
    holds: Callable[[Seen], bool] = bool,
    *,
    seconds: float,
    every: float = LOOK_EVERY_SECONDS,
) -> Seen:
    """Looks until what is seen satisfies `holds`, and returns it.

    Raises:
        AssertionError: it did not come true in time; with the last thing seen.
    """
    deadline = time.monotonic() + seconds
    while not _holds(holds, seen := look()):
        _refuse_after(deadline, seconds, what, seen)
        time.sleep(every)
    return seen


async def until_async(
    what: str,
    look: Callable[[], Awaitable[Seen]],
    holds: Callable[[Seen], bool] = bool,
    *,
    seconds: float,
    every: float = LOOK_EVERY_SECONDS,
) -> Seen:
    """`until` for what has to be awaited; everything else goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not _holds(holds, seen := await look()):
        _refuse_after(deadline, seconds, what, seen)
        await asyncio.sleep(every)
    return seen


def always(
    what: str, look: Callable[[], Seen], holds: Callable[[Seen], bool], *, seconds: float
) -> None:
    """Looks for the whole time, and fails at the first moment at which it does not hold.

    Raises:
        AssertionError: it stopped being true; with the thing seen.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = look()
        if not holds(seen):
            raise AssertionError(f"stopped being true: {what}; seen: {seen!r}")
        time.sleep(LOOK_EVERY_SECONDS)


def _holds(holds: Callable[[Seen], bool], seen: Seen) -> bool:
    met: Any = holds(seen)
    # What `"x".__eq__` says of a thing of another kind, such as None, counts as true.
    return met is not NotImplemented and bool(met)


def _refuse_after(deadline: float, seconds: float, what: str, seen: object) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(
            f"not true within {seconds:.0f} s: {what}; last seen: {repr(seen)[-SHOWN_CHARACTERS:]}"
        )
