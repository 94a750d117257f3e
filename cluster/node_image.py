"""The image of a node: systemd, containerd, the Kubernetes programs and the component images."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cluster import (
    component_images,
    go_toolchain,
    kubernetes_build,
    paths,
    products,
    programs,
    root_filesystems,
    versions,
)
from cluster.engine import native_program, wrapper_key
from cluster.progress import say, step
from cluster.root_filesystems import RootFilesystem

if TYPE_CHECKING:
    from cluster.engine import Engine

ROOT = RootFilesystem(
    variant="minbase",
    packages=(
        *("systemd", "systemd-sysv", "dbus", "util-linux", "mount", "kmod", "procps", "bash"),
        *("conntrack", "iptables", "nftables", "iproute2", "ethtool", "socat"),
        *("containerd", "runc", "containernetworking-plugins", "e2fsprogs", "pigz"),
        *("ca-certificates", "curl", "jq"),
    ),
    expected_seconds=45,
)
REPOSITORY = "dohyo/node"
KIND_FILES = "images/base/files"
NODE_PROGRAMS = ("kubelet", "kubeadm", "kubectl")
ENTRYPOINT = '["/usr/local/bin/entrypoint", "/sbin/init"]'
IMPORTER = "dohyo-image-import"


def key() -> str:
    """The name of everything that goes into a node."""
    return products.key(
        ROOT.key(),
        kubernetes_build.key(),
        wrapper_key(),
        paths.PACKAGE / "node",
        paths.PACKAGE / "components",
        versions.KIND,
    )


def name() -> str:
    """The name of our node image, whether it exists or not."""
    return f"{REPOSITORY}:{versions.KUBERNETES}-{key()}"


def ensure(engine: Engine) -> str:
    """The name of the local node image; made if the engine does not have it."""
    wanted = name()
    if engine.image_id(wanted) is not None:
        return wanted
    say(f"the node image {wanted} is made here: about 8 minutes the first time, then cached")
    kubernetes_build.ensure_all()
    root = root_filesystems.make(engine, ROOT, "node-root")
    bare = _bare(engine, root)
    components = component_images.ensure(engine, root)
    with step(f"import {len(components)} component images into the node image", 20):
        _import(engine, bare, components, wanted)
    _remove_older(engine, wanted)
    return wanted


def _remove_older(engine: Engine, wanted: str) -> None:
    """Takes away node images that no input names any more; one that nodes still use stays."""
    for repository in (REPOSITORY, f"{REPOSITORY}-bare"):
        listed = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository)
        for name in listed.split():
            if name.partition(":")[2] != wanted.partition(":")[2]:
                engine.tries("rmi", name)


def _bare(engine: Engine, root: str) -> str:
    """A node without images."""
    bare = f"{REPOSITORY}-bare:{versions.KUBERNETES}-{key()}"
    kind_files = go_toolchain.module_folder("sigs.k8s.io/kind", versions.KIND) / KIND_FILES
    with (
        step("node image without component images", 15),
        products.folder_of_work(paths.cache() / "contexts") as folder,
    ):
        shutil.copytree(paths.PACKAGE / "node", folder, dirs_exist_ok=True)
        # Go's module cache is read-only; a copy of it must not be.
        shutil.copytree(kind_files, folder / "kind", copy_function=shutil.copyfile)
        for path in (folder / "kind").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (folder / "bin").mkdir()
        for program in NODE_PROGRAMS:
            shutil.copy(kubernetes_build.path(program), folder / "bin")
        shutil.copy(native_program("runc-wrapper"), folder / "bin")
        engine.docker(
            *("build", "--quiet", "--tag", bare),
            *("--build-arg", f"ROOT={root}"),
            *("--build-arg", f"KUBERNETES={versions.KUBERNETES}"),
            str(folder),
        )
    return bare


def _import(engine: Engine, bare: str, components: list[str], wanted: str) -> None:
    """Puts images into the node's containerd, by that containerd itself, and keeps the result."""
    engine.tries("rm", "--force", "--volumes", IMPORTER)
    with products.folder_of_work(paths.cache() / "contexts") as folder:
        archive = folder / "components.tar"
        engine.docker("save", "--output", str(archive), *components)
        try:
            with archive.open("rb") as content:
                programs.run(
                    [
                        *("docker", "run", "--privileged", "--interactive", "--name", IMPORTER),
                        *("--entrypoint", "/kind/import-images.sh", bare),
                    ],
                    programs.Surroundings(environment=engine.environment, input_file=content),
                )
            engine.docker("commit", "--change", f"ENTRYPOINT {ENTRYPOINT}", IMPORTER, wanted)
        finally:
            engine.tries("rm", "--force", "--volumes", IMPORTER)
