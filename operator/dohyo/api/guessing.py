"""What somebody most likely meant who named something that is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMED: Final = 10


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def way_out(word: str, known: Iterable[str], where_none: str) -> str:
    """What to write instead: the nearest name, or which there are.

    Args:
        word: that was not found.
        known: names that would be.
        where_none: what to do where there is no name at all.
    """
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return f"did you mean {near}?"
    return f"there are {', '.join(names[:_MOST_NAMED])}" if names else where_none
