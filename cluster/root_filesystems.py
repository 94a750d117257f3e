"""Debian root file systems as local images, made with mmdebstrap from the machine's own sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import packages, paths, products, programs
from cluster.errors import ClusterError
from cluster.progress import step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cluster.engine import Engine

STAND_IN = "dohyo.dev/stand-in=true"


@dataclass(frozen=True)
class RootFilesystem:
    """A Debian root: mmdebstrap's variant, packages, commands that finish it in its folder `$1`."""

    variant: str
    packages: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    expected_seconds: float = 40

    def key(self) -> str:
        parts = (self.variant, " ".join(self.packages), "\n".join(self.finish))
        return products.key(*parts, suite(), CLEAN_UP)


# Neither package lists nor manual pages are needed in a container.
CLEAN_UP = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/usr/share/doc/*'


def suite() -> str:
    """The name of this machine's Debian release, which the roots are made of as well.

    Raises:
        ClusterError: it is no Debian.
    """
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise ClusterError(
        "/etc/os-release names no VERSION_CODENAME: images can be made only on Debian or a "
        "relative; elsewhere use a Docker that can pull images"
    )


def apt_sources() -> str:
    """The machine's own package sources, in one of apt's two formats (never both).

    Raises:
        ClusterError: apt has none.
    """
    folder = Path("/etc/apt/sources.list.d")
    for files in (sorted(folder.glob("*.sources")), _one_line_sources(folder)):
        text = "\n\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())
        if text.strip():
            return text
    raise ClusterError("apt has no package sources in /etc/apt: images cannot be made here")


def _one_line_sources(folder: Path) -> Iterable[Path]:
    return [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list"))]


def make(engine: Engine, root: RootFilesystem, label: str) -> str:
    """The name of the local image that holds this root; made if the engine does not have it."""
    name = f"dohyo/{label}:{root.key()}"
    if engine.image_id(name) is not None:
        return name
    packages.require({"mmdebstrap": "mmdebstrap"})
    with (
        step(f"root file system {label}: mmdebstrap", root.expected_seconds),
        products.folder_of_work(paths.cache() / "roots") as folder,
    ):
        archive = folder / "root.tar"
        hooks = [f"--customize-hook={command}" for command in (*root.finish, CLEAN_UP)]
        included = [f"--include={','.join(root.packages)}"] if root.packages else []
        programs.run(
            [
                *("mmdebstrap", "--quiet", f"--variant={root.variant}", "--mode=root"),
                *(*included, *hooks, suite(), str(archive), "-"),
            ],
            programs.Surroundings(input=apt_sources(), environment={"TMPDIR": str(folder)}),
        )
        engine.docker("import", "--change", f"LABEL {STAND_IN}", str(archive), name)
    return name
