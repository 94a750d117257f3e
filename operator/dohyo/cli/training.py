"""`dohyo train` and `dohyo simulate`: handed to the training package, if it is installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dohyo.cli.complaint import Complaint

if TYPE_CHECKING:
    from argparse import Namespace

# First words that the training package's own program knows all else about.
HANDED_OVER: Final = ("train", "simulate")

_PROGRAM: Final = "dohyo-train"


def run(arguments: Namespace) -> int:
    """Becomes the training program; never returns when it is there.

    Raises:
        Complaint: it is not installed.
    """
    program = _found()
    first, *rest = arguments.words
    words = rest if first == "train" else [first, *rest]
    sys.stdout.flush()
    os.execv(program, [program, *words])  # noqa: S606 - one process, so that Ctrl-C reaches it
    return 1


def _found() -> str:
    """The program beside this Python, or else on the path."""
    beside = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside) if beside.is_file() else shutil.which(_PROGRAM)
    if found is None:
        raise Complaint(f"{_PROGRAM} is not installed; pip install 'dohyo[training]'")
    return found
