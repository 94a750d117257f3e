"""Python environments of other people's programs, made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import paths, products

if TYPE_CHECKING:
    from collections.abc import Sequence


def python_with(requirements: Sequence[str]) -> Path:
    """The interpreter of an environment with exactly these requirements and what they need."""
    key = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]
    environments = paths.cache() / "environments"
    folder = environments / f"{requirements[0].partition('[')[0].partition('=')[0]}-{key}"
    if not folder.is_dir():
        with products.folder_of_work(environments) as work:
            _install(work / "environment", requirements)
            (work / "environment").rename(folder)
    return folder / "bin" / "python"


def _install(folder: Path, requirements: Sequence[str]) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    # Movable, because it is renamed once it is complete.
    _run([uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder)])
    interpreter = str(folder / "bin" / "python")
    _run([uv, "pip", "install", "--quiet", "--python", interpreter, *requirements])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
