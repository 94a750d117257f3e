"""The images of the control plane and of the node's own pods, as kubeadm names them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cluster import kubernetes_build, paths, products, programs, versions
from cluster.engine import native_program
from cluster.errors import ClusterError
from cluster.progress import step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cluster.engine import Engine

PODROUTES = "dohyo.dev/podroutes:v1"

# Image to program, under the names that kubeadm asks for.
PROGRAM_OF_IMAGE: Mapping[str, str] = {
    f"registry.k8s.io/kube-apiserver:{versions.KUBERNETES}": "kube-apiserver",
    f"registry.k8s.io/kube-controller-manager:{versions.KUBERNETES}": "kube-controller-manager",
    f"registry.k8s.io/kube-scheduler:{versions.KUBERNETES}": "kube-scheduler",
    f"registry.k8s.io/kube-proxy:{versions.KUBERNETES}": "kube-proxy",
    f"registry.k8s.io/coredns/coredns:{versions.COREDNS}": "coredns",
    f"registry.k8s.io/pause:{versions.PAUSE}": "pause",
    f"registry.k8s.io/etcd:{versions.ETCD}": "etcd",
    PODROUTES: "podroutes",
}


def ensure(engine: Engine, root: str) -> list[str]:
    """Builds all component images; `root` is the node's root image."""
    _check_names()
    with step("component images", 15):
        for image, program in PROGRAM_OF_IMAGE.items():
            source = (
                native_program(program) if program == "pause" else kubernetes_build.path(program)
            )
            _build(engine, image, source, root)
    return list(PROGRAM_OF_IMAGE)


def _check_names() -> None:
    """Raises ClusterError if kubeadm asks for an image that is not made."""
    asked = programs.run(
        [
            *(str(kubernetes_build.path("kubeadm")), "config", "images", "list"),
            *("--kubernetes-version", versions.KUBERNETES),
        ]
    ).split()
    unknown = sorted(set(asked) - PROGRAM_OF_IMAGE.keys())
    if unknown:
        raise ClusterError(
            f"kubeadm {versions.KUBERNETES} asks for {', '.join(unknown)}, which no program is "
            f"built for: correct the tags in {paths.PACKAGE / 'versions.py'}"
        )


def _build(engine: Engine, image: str, program: Path, root: str) -> None:
    templates = paths.PACKAGE / "components"
    own = templates / f"{program.name}.Dockerfile"
    with products.folder_of_work(paths.cache() / "contexts") as folder:
        if own.exists():
            dockerfile = own.read_text(encoding="utf-8")
            arguments = ["--build-arg", f"ROOT={root}"]
        else:
            # An entry point takes no build argument: it is written here.
            dockerfile = (templates / "Dockerfile").read_text(encoding="utf-8")
            dockerfile += f'ENTRYPOINT ["/usr/local/bin/{program.name}"]\n'
            arguments = ["--build-arg", f"PROGRAM={program.name}"]
        (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        shutil.copy(program, folder)
        engine.docker("build", "--quiet", "--tag", image, *arguments, str(folder))
