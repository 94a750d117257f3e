"""Unmodified clients of the Open Inference Protocol, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.harness.environments import python_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# By the script that uses them. Each pinned, so that the environment is made once.
REQUIREMENTS = {
    "ask_by_triton.py": ("tritonclient[grpc,http]==2.73.0", "numpy==2.4.6"),
    "ask_by_kserve.py": ("kserve==0.21.0",),
}
SECONDS = 120


def told_by(script: Path, *arguments: str, rows: Sequence[Any]) -> dict[str, Any]:
    """What a client prints of the answers to these rows, by protocol."""
    done = subprocess.run(
        [str(python_with(REQUIREMENTS[script.name])), script.name, *arguments],
        cwd=script.parent,
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
