"""Running other programs: their output on failure, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LINES_SHOWN = 25


@dataclass(frozen=True)
class Surroundings:
    """Where a program runs: folder, extra environment, standard input, time limit in seconds."""

    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    input: str | None = None
    input_file: IO[bytes] | None = None
    limit_seconds: float | None = None


HERE = Surroundings()


def run(command: Sequence[str], where: Surroundings = HERE) -> str:
    """Runs a program and returns its standard output.

    Raises:
        ClusterError: the program is missing, took too long or failed; with the end of its output.
    """
    done = attempt(command, where)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip().splitlines()[-LINES_SHOWN:]
        raise ClusterError(
            f"`{' '.join(command)}` ended with code {done.returncode}:\n  " + "\n  ".join(output)
        )
    return done.stdout


def attempt(command: Sequence[str], where: Surroundings = HERE) -> subprocess.CompletedProcess[str]:
    """Runs a program whose failure is an answer too; a missing one ends with code 127."""
    standard_input: IO[bytes] | int | None = where.input_file
    if standard_input is None and where.input is None:
        standard_input = subprocess.DEVNULL
    try:
        return subprocess.run(
            command,
            cwd=where.folder,
            env={**os.environ, **where.environment},
            stdin=standard_input,
            input=where.input,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=where.limit_seconds,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            command, 124, "", f"no answer within {where.limit_seconds:.0f} seconds"
        )


def succeeds(command: Sequence[str], where: Surroundings = HERE) -> bool:
    return attempt(command, where).returncode == 0


def find(name: str) -> str | None:
    """The path of a program, also in the folders of system programs that a user's PATH may lack."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
