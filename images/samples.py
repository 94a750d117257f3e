"""The sample bentos, trained and packed by the project's own training package."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from typing import TYPE_CHECKING

from cluster import products
from cluster.programs import Surroundings, run
from cluster.progress import step
from images.paths import BENTOML_HOME, LOCKS, REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

NAME = "breast-cancer"
VERSIONS = ("v1-logistic", "v2-boosting")
# Inputs of the samples; a change of any makes both anew.
SOURCES = (
    "operator/dohyo/contract",
    "services/dohyo_form",
    "services/dohyo_serving",
    "services/dohyo_serving/oip",
    "services/prediction",
    "training/dohyo_training",
    "training/dohyo_training/export",
)


def ensure() -> None:
    """Trains and packs both versions, unless the store holds them made from these very inputs."""
    stamp = BENTOML_HOME / "samples-made-from"
    wanted = key()
    present = all(_folder(version).is_dir() for version in VERSIONS)
    if present and stamp.is_file() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    with step("training and packing the sample bentos", 15):
        run(
            [sys.executable, "-m", "dohyo_training.samples", "--home", str(BENTOML_HOME)],
            Surroundings(folder=REPOSITORY, environment=environment()),
        )
    stamp.write_text(wanted)


def key() -> str:
    files = [file for folder in SOURCES for file in sorted((REPOSITORY / folder).glob("*.py"))]
    return products.key(REPOSITORY / "bentofile.yaml", LOCKS / "batch.txt", *files)


def environment() -> dict[str, str]:
    """For programs that read or write the store of the samples."""
    paths = [str(REPOSITORY / folder) for folder in ("operator", "services", "training")]
    return {
        "BENTOML_HOME": str(BENTOML_HOME),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def export(tag: str, archive: Path) -> None:
    """Writes a bento of the store to an archive, as `bentoml export` does."""
    run(
        [sys.executable, "-m", "bentoml", "export", tag, str(archive), "--quiet"],
        Surroundings(folder=REPOSITORY, environment=environment()),
    )


def unpack(version: str, folder: Path) -> None:
    """Writes a bento with its models to a folder, readable by every user."""
    with products.folder_of_work(folder.parent) as work:
        archive = work / "bento.tar"
        export(f"{NAME}:{version}", archive)
        with tarfile.open(archive) as content:
            content.extractall(work / "bento", filter="data")
        for path in (work / "bento", *(work / "bento").rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(folder, ignore_errors=True)
        (work / "bento").rename(folder)


def _folder(version: str) -> Path:
    return BENTOML_HOME / "bentos" / NAME / version
