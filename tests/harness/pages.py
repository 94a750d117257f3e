"""What a page asks a reader to type, typed into one shell; nothing of it runs on afterwards."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

import psutil

from cluster.paths import REPOSITORY


def typed(blocks: list[str], minutes: float = 5) -> str:
    """What the blocks print; a block that fails fails the test."""
    script = "\n".join(["set -eu -o pipefail", *blocks])
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=REPOSITORY,
        env={k: v for k, v in os.environ.items() if k != "KUBECONFIG"} | {"OMP_NUM_THREADS": "1"},
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
