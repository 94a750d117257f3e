"""What the workers of one test run share: done by the first that comes, the others wait for it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from cluster import paths

if TYPE_CHECKING:
    from collections.abc import Callable

_RUN: Final = "PYTEST_XDIST_TESTRUNUID"


def is_shared() -> bool:
    """Whether several workers run the tests, side by side."""
    return _RUN in os.environ


def once_in_a_run(what: str, do: Callable[[], None]) -> None:
    """Does it in the first worker that asks; who asks later finds it done.

    Args:
        what: its name, the same in every worker; part of a file's name.
    """
    if not is_shared():
        do()
        return
    paths.BUILD.mkdir(exist_ok=True)
    with (paths.BUILD / f"{what}-for").open("a+") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        note.seek(0)
        if note.read() != os.environ[_RUN]:
            do()
            note.truncate(0)
            note.write(os.environ[_RUN])
