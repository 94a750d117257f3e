"""Debian packages that the machine lacks."""

from __future__ import annotations

import os

from cluster import programs
from cluster.errors import ClusterError
from cluster.progress import step

APT = programs.Surroundings(environment={"DEBIAN_FRONTEND": "noninteractive"})


def require(packages: dict[str, str]) -> None:
    """Installs the packages whose program is missing; `packages` maps a program to its package.

    Raises:
        ClusterError: something is missing and cannot be installed here.
    """
    missing = sorted({package for name, package in packages.items() if not programs.find(name)})
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0 or not programs.find("apt-get"):
        raise ClusterError(f"missing: {wanted}. Install them (Debian's names), or run this as root")
    with step(f"apt-get install {wanted}", 30):
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        if not programs.succeeds(command, APT):
            programs.run(["apt-get", "update"], APT)
            programs.run(command, APT)
