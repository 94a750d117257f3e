"""The programs of Kubernetes, etcd and CoreDNS, built from their modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import go_toolchain, paths, products, versions
from cluster.go_toolchain import Program
from cluster.progress import step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KUBERNETES_MODULE = paths.PACKAGE / "kubernetes"
COREDNS_MODULE = paths.PACKAGE / "coredns"
VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True)
class Built:
    """A program and the seconds its build takes as a rule on two idle cores."""

    program: Program
    expected_seconds: float


def version_values(version: str) -> Mapping[str, str]:
    """What Kubernetes' own build sets at link time, for a version such as `v1.34.4`."""
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return {
        f"{package}.{name}": value for package in VERSION_PACKAGES for name, value in values.items()
    }


def _of_kubernetes(name: str) -> Program:
    return Program(
        f"k8s.io/kubernetes/cmd/{name}", KUBERNETES_MODULE, version_values(versions.KUBERNETES)
    )


# The first ones compile what the later ones share.
PROGRAMS: Mapping[str, Built] = {
    "kube-apiserver": Built(_of_kubernetes("kube-apiserver"), 180),
    "kubelet": Built(_of_kubernetes("kubelet"), 60),
    "kube-controller-manager": Built(_of_kubernetes("kube-controller-manager"), 30),
    "kube-scheduler": Built(_of_kubernetes("kube-scheduler"), 15),
    "kube-proxy": Built(_of_kubernetes("kube-proxy"), 15),
    "kubeadm": Built(_of_kubernetes("kubeadm"), 15),
    "kubectl": Built(_of_kubernetes("kubectl"), 20),
    "etcd": Built(Program("go.etcd.io/etcd/server/v3", KUBERNETES_MODULE), 10),
    "podroutes": Built(Program("./podroutes", KUBERNETES_MODULE), 5),
    "coredns": Built(Program(".", COREDNS_MODULE), 50),
}


def key() -> str:
    """The name of all programs together."""
    return products.key(*(f"{name} {_key(built.program)}" for name, built in PROGRAMS.items()))


def _key(program: Program) -> str:
    """The name of one program: its version, its module's requirements, its source if it is ours."""
    own_source = [program.module / program.package] if program.package.startswith(".") else []
    values = [f"{name}={value}" for name, value in sorted(program.link_values.items())]
    requirements = (program.module / "go.mod", program.module / "go.sum")
    return products.key(program.package, *values, *requirements, *own_source)


def ensure_all() -> None:
    """Builds the programs that are not there yet, each whole or not at all."""
    for name in PROGRAMS:
        path(name)


def path(name: str) -> Path:
    """The path of one program of `PROGRAMS`, built if it is not there."""
    built = PROGRAMS[name]
    target = paths.cache() / "kubernetes" / f"{name}-{_key(built.program)}" / name
    if not target.exists():
        with step(f"build {name}", built.expected_seconds):
            go_toolchain.build(built.program, target)
    return target
