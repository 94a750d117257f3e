"""What a page asks a reader to type, typed into one shell; nothing of it runs on afterwards.

The reader is new: no ring of an earlier day has left its state.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from cluster.paths import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def typed(blocks: list[str], state: Path, minutes: float = 5) -> str:
    """What the blocks print; a block that fails fails the test.

    Args:
        state: an empty folder, for what programs keep of a user's runs.
    """
    script = "\n".join(["set -eu -o pipefail", *blocks])
    inherited = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=REPOSITORY,
        env=inherited | {"OMP_NUM_THREADS": "1", "XDG_STATE_HOME": str(state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    late = False
    try:
        said, _ = shell.communicate(timeout=60 * minutes - 20)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        # A ring that is left ends its own processes when it is killed.
        for process in _members(shell.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    if late:
        said, _ = shell.communicate(timeout=10)
    print(said)
    assert not late, f"not at its end after {minutes} minutes: {said[-3000:]}"
    assert shell.returncode == 0, said[-3000:]
    return said


def promised(said: str, *words: str) -> None:
    """A block may succeed and show nothing of what the text around it promises."""
    assert [each for each in words if each not in said] == [], said[-3000:]


def _members(session: int) -> list[psutil.Process]:
    """What still runs of a session that the test started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == session:
                found.append(process)
    return found
