"""`python -m dohyo_training.samples`: two real versions of one real bento.

Trains the champion and the challenger, saves both in the BentoML model store and builds one
bento of each from the top-level `bentofile.yaml`. Same inputs, same versions: a bento that
exists is made anew.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_training.contenders import Contender

BENTO_NAME = "breast-cancer"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="dohyo_training.samples", description=__doc__)
    parser.add_argument(
        "--project", type=Path, default=Path.cwd(), help="the folder of bentofile.yaml"
    )
    parser.add_argument(
        "--home", type=Path, help="the BentoML store to write (default: build/bentoml)"
    )
    chosen = parser.parse_args(arguments)
    project = chosen.project.resolve()
    if not (project / "bentofile.yaml").is_file():
        parser.exit(1, f"{project}: no bentofile.yaml here; name its folder with --project\n")
    use_store((chosen.home or project / "build" / "bentoml").resolve())
    make_samples(project)


def use_store(home: Path) -> None:
    """Points BentoML at a store of its own, before it is imported, and keeps it silent."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ["BENTOML_HOME"] = str(home)
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"


def make_samples(project: Path) -> None:
    """Trains, saves and packs every contender, and prints what came out.

    Raises:
        SystemExit: `bentoml build` failed; its own words stand above.
    """
    from dohyo_training.breast_cancer import split  # noqa: PLC0415 - BentoML reads its home once
    from dohyo_training.contenders import CONTENDERS  # noqa: PLC0415
    from dohyo_training.model_store import fit_and_save  # noqa: PLC0415

    build_wheel(project)
    data = split()
    for contender in CONTENDERS:
        began = time.monotonic()
        metrics = fit_and_save(contender, data)
        tag = build_bento(contender, project)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        print(f"{tag}: {shown} ({time.monotonic() - began:.1f} s)", flush=True)


def build_wheel(project: Path) -> None:
    """The project's own wheel, which bentofile.yaml puts into the bento.

    Raises:
        SystemExit: it does not build; the words of hatchling stand above.
    """
    folder = project / "build" / "project-wheel"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    command += ["--directory", str(folder)]
    done = subprocess.run(command, cwd=project, check=False, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{folder}: `hatchling build` ended with code {done.returncode}")


def build_bento(contender: Contender, project: Path) -> str:
    """Packs one contender by `bentoml build`; the argument `model` says which one."""
    import bentoml  # noqa: PLC0415

    tag = f"{BENTO_NAME}:{contender.bento_version}"
    with suppress(bentoml.exceptions.NotFound):
        bentoml.bentos.delete(tag)
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    command += ["--version", contender.bento_version, "--arg", f"model={contender.model_version}"]
    done = subprocess.run(command, cwd=project, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{tag}: `bentoml build` ended with code {done.returncode}")
    return tag


if __name__ == "__main__":
    main()
