"""Servers that bentos are fetched from: object stores and an OCI registry, built or unpacked.

Both are kept where the cluster keeps its tools, and are single static programs, so that a pod can
run them as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster import go_toolchain, packages, paths, products, programs
from cluster.errors import ClusterError
from cluster.progress import step

if TYPE_CHECKING:
    from pathlib import Path

VERSITYGW = "v1.8.0"
FAKE_GCS = "v1.54.0"
_REGISTRY = "docker-registry"


def versitygw() -> Path:
    """An S3-compatible server over a folder."""
    target = paths.cache() / "tools" / f"versitygw-{VERSITYGW}" / "versitygw"
    if not target.exists():
        with step(f"build versitygw {VERSITYGW}", 90):
            package = "github.com/versity/versitygw/cmd/versitygw"
            go_toolchain.install(package, VERSITYGW, target)
    return target


def fake_gcs_server() -> Path:
    """An emulator of Google's object store."""
    target = paths.cache() / "tools" / f"fake-gcs-server-{FAKE_GCS}" / "fake-gcs-server"
    if not target.exists():
        with step(f"build fake-gcs-server {FAKE_GCS}", 120):
            go_toolchain.install("github.com/fsouza/fake-gcs-server", FAKE_GCS, target)
    return target


def docker_registry() -> Path:
    """Debian's OCI registry, unpacked without being installed: no service is started by it."""
    target = paths.cache() / "tools" / _REGISTRY / _REGISTRY
    if target.exists():
        return target
    packages.require({"dpkg-deb": "dpkg"})
    with products.file_in_making(target) as unfinished:
        folder = unfinished.parent
        _downloaded(folder)
        (archive,) = folder.glob("*.deb")
        programs.run(["dpkg-deb", "--extract", str(archive), str(folder / "unpacked")])
        (folder / "unpacked" / "usr" / "bin" / _REGISTRY).rename(unfinished)
    return target


def _downloaded(folder: Path) -> None:
    where = programs.Surroundings(folder=folder)
    command = ["apt-get", "download", "--quiet", _REGISTRY]
    if programs.succeeds(command, where):
        return
    try:
        programs.run(["apt-get", "update", "--quiet"], where)
        programs.run(command, where)
    except ClusterError as error:
        raise ClusterError(
            f"Debian's package {_REGISTRY} cannot be downloaded; install it, or run this as root "
            f"on Debian: {error}"
        ) from error
