"""Waiting for a condition, with a deadline and a last word about what was seen instead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Seen = TypeVar("Seen")

LOOK_EVERY_SECONDS = 0.25
SHOWN_CHARACTERS = 3000


def until(
    what: str,
    look: Callable[[], Seen],
    holds: Callable[[Seen], bool] = bool,
    *,
    seconds: float,
) -> Seen:
    """Looks until what is seen satisfies `holds`, and returns it.

    Raises:
        AssertionError: it did not come true in time; with the last thing seen.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        met: Any = holds(seen)
        # What `"x".__eq__` says of a thing of another kind, such as None, counts as true.
        if met is not NotImplemented and met:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not true within {seconds:.0f} s: {what}; last seen:"
                f" {repr(seen)[-SHOWN_CHARACTERS:]}"
            )
        time.sleep(LOOK_EVERY_SECONDS)


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
