"""Ends what a ring has started when the ring itself is gone, however it went.

It is told of processes by lines on its standard input, `+<id>` and `-<id>`. The other end of that
pipe belongs to the ring alone, so its end means that the ring is gone, on every system that has
pipes. It is run by its path and needs the standard library alone: it must be there within
milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Reads to the end, then kills the groups of all processes that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    known: set[int] = set()
    for line in sys.stdin:
        sign, process = line[:1], int(line[1:])
        if sign == "+":
            known.add(process)
        else:
            known.discard(process)
    for process in known:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
