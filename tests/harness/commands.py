"""The programs that a user types: kubectl, helm, docker, bound to the project's own cluster."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from cluster import paths, programs

if TYPE_CHECKING:
    from collections.abc import Mapping

KUBECTL_SECONDS = 60
HELM_SECONDS = 300


class CommandError(Exception):
    """A program ended with a code other than 0; with what it printed."""


@cache
def environment() -> Mapping[str, str]:
    """What `python3 -m cluster env` asks a shell to set: tools and engine of the cluster."""
    printed = programs.run(
        ["python3", "-m", "cluster", "env"], programs.Surroundings(paths.REPOSITORY)
    )
    found: dict[str, str] = {}
    for line in printed.splitlines():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and name.isidentifier():
            found[name] = os.path.expandvars("".join(shlex.split(value)))
    return found


def run(*command: str, text: str | None = None, seconds: float = KUBECTL_SECONDS) -> str:
    """Runs a program to its end and returns its standard output.

    Raises:
        CommandError: it ended with another code than 0, or took too long.
    """
    where = programs.Surroundings(
        folder=paths.REPOSITORY,
        environment={**environment(), "KUBECONFIG": str(paths.KUBECONFIG)},
        input=text,
        limit_seconds=seconds,
    )
    done = programs.attempt(command, where)
    if done.returncode != 0:
        raise CommandError(
            f"`{shlex.join(command)}` ended with code {done.returncode}:\n"
            f"{done.stdout}{done.stderr}"
        )
    return done.stdout


def kubectl(*arguments: str, text: str | None = None, seconds: float = KUBECTL_SECONDS) -> str:
    return run("kubectl", *arguments, text=text, seconds=seconds)


def apply(*manifests: Mapping[str, Any], namespace: str) -> str:
    """`kubectl apply` of manifests, as a user does it."""
    items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    return kubectl("apply", "--namespace", namespace, "--filename", "-", text=json.dumps(items))


def helm(*arguments: str, text: str | None = None, seconds: float = HELM_SECONDS) -> str:
    return run("helm", *arguments, text=text, seconds=seconds)


def docker(*arguments: str, seconds: float = KUBECTL_SECONDS) -> str:
    return run("docker", *arguments, seconds=seconds)


@dataclass(frozen=True)
class Release:
    """A helm release of one of the project's charts.

    Attributes:
        name, chart, namespace: as helm has them.
        values: what differs from the chart's defaults.
        takes_over: objects that are there already become the release's own.
    """

    name: str
    chart: str
    namespace: str
    values: Mapping[str, Any] = field(default_factory=dict)
    takes_over: bool = False

    def install(self, *, chart: str | None = None, wait: bool = True) -> str:
        """Installs or upgrades it; `chart` takes it from another folder."""
        arguments = ["upgrade", "--install", self.name]
        arguments += [chart or str(paths.REPOSITORY / "charts" / self.chart)]
        arguments += ["--namespace", self.namespace, "--create-namespace", "--values", "-"]
        if self.takes_over:
            arguments.append("--take-ownership")
        if wait:
            arguments += ["--wait", "--timeout", f"{HELM_SECONDS - 20}s"]
        return helm(*arguments, text=json.dumps(dict(self.values)))

    def uninstall(self) -> str:
        return helm("uninstall", self.name, "--namespace", self.namespace, "--wait")
