"""What a command says when its output goes nowhere: the disk is full, or its reader has left."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

_CANNOT_BE_WRITTEN: Final = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def tell_unwritten(error: OSError, program: str) -> None:
    """Says in one line on standard error what could not be written.

    Args:
        error: of a write.
        program: as its user calls it; begins the line.

    Raises:
        OSError: the given one, as it is about something else and a fault of ours.
    """
    if error.errno not in _CANNOT_BE_WRITTEN:
        raise error
    if not isinstance(error, BrokenPipeError):  # there, whoever read our output has enough
        place = error.filename or "the output"
        print(f"{program}: {place} cannot be written: {error.strerror}", file=sys.stderr)
    # Python's own flush at the end must not complain once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
