"""One at a time: what changes the engine, the cluster or the cache waits for the others."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cluster import paths
from cluster.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def turn() -> Iterator[None]:
    """Holds the lock of the cache folder; it is freed by the kernel even if we are killed."""
    folder = paths.cache()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `python3 -m cluster` is at work: waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
