"""The hashed requirement locks: one for development, one for each image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.programs import Surroundings, run
from cluster.progress import step
from images.paths import LOCKS, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE_PYTHON = "3.11"
# The extra of pyproject.toml that each image installs.
EXTRA_OF_IMAGE = {
    "operator": "operator",
    "gateway": "gateway",
    "evidence": "evidence",
    "runtime": "batch",
    "training": "training",
}
DEVELOPMENT = LOCKS / "dev.txt"


def lock_of(image: str) -> Path:
    return LOCKS / f"{EXTRA_OF_IMAGE[image]}.txt"


def write_locks() -> None:
    """Resolves everything anew; the images take the very versions that development tests with."""
    with step("locking the requirements", 30):
        # Universal, because contributors run other Pythons than the images do.
        _compile(DEVELOPMENT, ["--all-extras", "--group", "dev", "--universal"])
        for image, extra in EXTRA_OF_IMAGE.items():
            selection = ["--extra", extra, "--constraint", str(DEVELOPMENT.relative_to(REPOSITORY))]
            _compile(lock_of(image), [*selection, "--python-platform", "linux"])


def _compile(lock: Path, selection: Sequence[str]) -> None:
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "pip", "compile", "pyproject.toml", *selection]
    command += ["--python-version", IMAGE_PYTHON, "--generate-hashes", "--no-annotate", "--quiet"]
    # No index is named, so that nobody's address or credential gets into the repository.
    command += ["--no-emit-index-url", "--no-emit-find-links"]
    command += ["--custom-compile-command", "make locks", "--output-file", str(lock)]
    run(command, Surroundings(folder=REPOSITORY))
