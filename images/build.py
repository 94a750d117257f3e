"""`make images`: every image of the project, built only where its inputs have changed."""

from __future__ import annotations

import os
import shutil
import time
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import base_images, products
from cluster import engine as engines
from cluster.programs import Surroundings, attempt
from cluster.progress import duration, say, step
from images import samples, wheels
from images.dockerfiles import dockerfile
from images.locking import lock_of
from images.paths import CONTEXTS, PACKAGE, REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.engine import Engine

# Names what an image was made from; equal inputs are not built again.
LABEL_INPUTS = "dev.dohyo.inputs"
SCRIPTS = ("environment.sh", "project.sh")
BUILD_SECONDS = {"operator": 60, "gateway": 60, "evidence": 90, "runtime": 150}
# Built only when somebody asks: half a gigabyte that no installation needs.
TRAINING, TRAINING_BUILD_SECONDS = "training", 240


@dataclass(frozen=True)
class Recipe:
    """How to build one image: its name with tag, what decides it, its context and arguments."""

    image: str
    key: str
    context: Path
    expected_seconds: float
    arguments: tuple[str, ...] = ()


def project_version() -> str:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def image_name(part: str) -> str:
    return f"dohyo/{part}:{project_version()}"


def bento_image(version: str) -> str:
    return f"dohyo/bento-{samples.NAME}:{version}"


def all_images() -> list[str]:
    """What `make images` leaves in the engine and an installation with the samples needs."""
    parts = [image_name(part) for part in BUILD_SECONDS]
    bentos = [bento_image(version) for version in samples.VERSIONS]
    return [*parts, base_images.ENVOY, *bentos]


def build_all() -> None:
    """Builds the three parts, the sample bentos and an image of each of them."""
    began = time.monotonic()
    engine = engines.ensure()
    base_images.ensure()
    wheel = wheels.project()
    for part in BUILD_SECONDS:
        _build_part(engine, part, wheel)
    samples.ensure()
    for version in samples.VERSIONS:
        _build_bento(engine, version)
    say(f"all images are there ({duration(time.monotonic() - began)})")


def build_training() -> None:
    """Builds the image of training Jobs."""
    engine = engines.ensure()
    base_images.ensure()
    _build_part(engine, TRAINING, wheels.project())


def _build_part(engine: Engine, part: str, wheel: Path) -> None:
    described = dockerfile(part)
    scripts = [PACKAGE / script for script in SCRIPTS]
    key = products.key(described, *scripts, lock_of(part), wheel, _id(engine, base_images.PYTHON))
    context = CONTEXTS / part
    seconds = BUILD_SECONDS.get(part, TRAINING_BUILD_SECONDS)
    recipe = Recipe(image_name(part), key, context, seconds)
    if _is_built(engine, recipe):
        return
    fetched = wheels.third_party(part)
    _fresh(context)
    (context / "Dockerfile").write_text(described)
    for script in scripts:
        shutil.copy(script, context)
    shutil.copy(lock_of(part), context / "requirements.txt")
    shutil.copytree(wheel, context / "project-wheel")
    # Links, because the wheels of the runtime take 250 MB.
    shutil.copytree(fetched, context / "wheels", copy_function=os.link)
    _build(engine, recipe)


def _build_bento(engine: Engine, version: str) -> None:
    runtime = image_name("runtime")
    described = PACKAGE / "bento" / "Dockerfile"
    context = CONTEXTS / f"bento-{version}"
    key = products.key(described, samples.key(), _id(engine, runtime))
    recipe = Recipe(bento_image(version), key, context, 5, ("--build-arg", f"RUNTIME={runtime}"))
    if _is_built(engine, recipe):
        return
    _fresh(context)
    shutil.copy(described, context)
    samples.unpack(version, context / "bento")
    _build(engine, recipe)


def _is_built(engine: Engine, recipe: Recipe) -> bool:
    inspected = attempt(
        ["docker", "image", "inspect", "--format", _label_format(), recipe.image],
        Surroundings(environment=engine.environment),
    )
    fits = inspected.returncode == 0 and inspected.stdout.strip() == recipe.key
    if fits:
        say(f"{recipe.image}: unchanged")
    return fits


def _build(engine: Engine, recipe: Recipe) -> None:
    began = time.monotonic()
    with step(f"building {recipe.image}", recipe.expected_seconds):
        engine.docker(
            "build",
            *("--tag", recipe.image, "--label", f"{LABEL_INPUTS}={recipe.key}"),
            *(*recipe.arguments, str(recipe.context)),
        )
    size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", recipe.image))
    say(f"{recipe.image}: {size / 1e6:.0f} MB, {duration(time.monotonic() - began)}")
    shutil.rmtree(recipe.context)


def _label_format() -> str:
    return f'{{{{index .Config.Labels "{LABEL_INPUTS}"}}}}'


def _id(engine: Engine, image: str) -> str:
    return engine.docker("image", "inspect", "--format", "{{.Id}}", image).strip()


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
