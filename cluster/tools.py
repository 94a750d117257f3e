"""Command-line tools of the tests and the cluster: from PATH if new enough, else built and kept."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import go_toolchain, kubernetes_build, paths, programs, versions
from cluster.errors import ClusterError
from cluster.go_toolchain import Program
from cluster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Tool:
    """How to ask a tool for its version, the least that will do, the one that is built, and how."""

    ask: tuple[str, ...]
    least: str
    built: str
    build: Callable[[Path], None]
    expected_seconds: float


def _build_helm(target: Path) -> None:
    major, minor, _ = versions.KUBERNETES.removeprefix("v").split(".")
    # Without them `helm template` believes in a Kubernetes of 2020 and refuses newer charts.
    values = {
        f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": number
        for package in ("chartutil", "lint/rules")
        for part, number in (("Major", major), ("Minor", minor))
    }
    version = {"helm.sh/helm/v3/internal/version.version": versions.HELM, **values}
    module = kubernetes_build.KUBERNETES_MODULE
    go_toolchain.build(Program("helm.sh/helm/v3/cmd/helm", module, version), target)


def _build_kubectl(target: Path) -> None:
    built = kubernetes_build.path("kubectl")
    target.parent.mkdir(parents=True, exist_ok=True)
    _link(target, built)


def _build_kubeconform(target: Path) -> None:
    package = "github.com/yannh/kubeconform/cmd/kubeconform"
    go_toolchain.install(package, versions.KUBECONFORM, target)


TOOLS: Mapping[str, Tool] = {
    "kind": Tool(
        ("version",),
        versions.KIND,
        versions.KIND,
        lambda target: go_toolchain.install("sigs.k8s.io/kind", versions.KIND, target),
        20,
    ),
    "helm": Tool(("version", "--short"), versions.HELM, versions.HELM, _build_helm, 40),
    "kubectl": Tool(
        ("version", "--client"),
        versions.LEAST_KUBECTL,
        versions.KUBERNETES,
        _build_kubectl,
        60,
    ),
    "kubeconform": Tool(
        ("-v",), versions.KUBECONFORM, versions.KUBECONFORM, _build_kubeconform, 15
    ),
}


def ensure(name: str) -> str:
    """The path of a tool that is new enough; it is built if the machine has none.

    Raises:
        ClusterError: the name is unknown, or the build failed.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise ClusterError(f"{name}: no such tool; there are {', '.join(TOOLS)}")
    ours = paths.cache() / "tools" / f"{name}-{tool.built}" / name
    if ours.exists():
        return str(_publish(ours))
    found = _on_path(name)
    if found and version_in(programs.attempt([found, *tool.ask]).stdout) >= version_in(tool.least):
        return found
    with step(f"build {name} {tool.built}", tool.expected_seconds):
        tool.build(ours)
    return str(_publish(ours))


def ensure_all(names: Iterable[str]) -> dict[str, str]:
    return {name: ensure(name) for name in (list(names) or list(TOOLS))}


def _on_path(name: str) -> str | None:
    """The user's own program of that name, never our link to one that we built."""
    found = programs.find(name)
    return None if found and Path(found).parent == paths.binaries() else found


def version_in(text: str) -> tuple[int, ...]:
    """The first version such as `v1.2.3` in a text; empty, thus the lowest, if there is none."""
    match = re.search(r"v(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else ()


def _publish(program: Path) -> Path:
    link = paths.binaries() / program.name
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != program:
        _link(link, program)
    return link


def _link(link: Path, target: Path) -> None:
    """Makes a symbolic link, or turns an old one, in one step."""
    unfinished = link.with_name(f".{link.name}-{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(link)
