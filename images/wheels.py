"""The wheels that go into images, fetched here because a build reaches no network."""

from __future__ import annotations

import platform
import shutil
import sys
from typing import TYPE_CHECKING

from cluster import products
from cluster.programs import Surroundings, run
from cluster.progress import step
from images.locking import IMAGE_PYTHON, lock_of
from images.paths import BUILD, REPOSITORY, WHEELHOUSE

if TYPE_CHECKING:
    from pathlib import Path

# Wheels for this glibc or an older one run on the base image (Debian 12 has 2.36).
GLIBC_MINOR = 36
FETCH_SECONDS = {"operator": 10, "gateway": 10, "evidence": 25, "runtime": 40, "training": 80}


def third_party(image: str) -> Path:
    """The folder with every wheel of an image's lock, checked by hash; kept while it fits."""
    lock = lock_of(image)
    folder = WHEELHOUSE / f"{image}-{products.key(lock)}"
    if not folder.is_dir():
        for outdated in WHEELHOUSE.glob(f"{image}-*"):
            shutil.rmtree(outdated)
        with (
            step(f"fetching the wheels of the {image} image", FETCH_SECONDS[image]),
            products.folder_of_work(WHEELHOUSE) as work,
        ):
            _download(lock, work / "wheels")
            (work / "wheels").rename(folder)
    return folder


def _download(lock: Path, folder: Path) -> None:
    machine = platform.machine()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command += ["--requirement", str(lock), "--dest", str(folder)]
    # For the image's Python and C library, whatever this machine has.
    command += ["--implementation", "cp", "--python-version", IMAGE_PYTHON]
    for minor in range(GLIBC_MINOR, 16, -1):
        command += ["--platform", f"manylinux_2_{minor}_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}"]
    if machine == "x86_64":
        command += ["--platform", "manylinux2010_x86_64", "--platform", "manylinux1_x86_64"]
        command += ["--platform", "manylinux_2_12_x86_64", "--platform", "manylinux_2_5_x86_64"]
    run(command)


def project() -> Path:
    """The folder with the project's own wheel; the same sources give the same bytes."""
    folder = BUILD / "project-wheel"
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    run([*command, "--directory", str(folder)], Surroundings(folder=REPOSITORY))
    return folder
