"""The three charts, installed in their order, and the ModelDeployment that comes of them."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cluster import paths, programs
from cluster.errors import ClusterError
from cluster.progress import wait_while

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "dohyo-system"
MODEL = "breast-cancer"
NODE_PORT = 30080
READY_SECONDS = 300.0
IN_REPOSITORY = programs.Surroundings(folder=paths.REPOSITORY)


@dataclass(frozen=True)
class Release:
    """A chart of this repository, where it goes, and what of its values is set.

    With `takes_over`, objects that are there already become the release's own.
    """

    name: str
    chart: str
    namespace: str
    settings: Mapping[str, str] = field(default_factory=dict)
    takes_over: bool = False

    def install(self) -> None:
        """Installs it, or brings it to the chart as it is now.

        Raises:
            ClusterError: helm failed; with its own words.
        """
        command = ["helm", "upgrade", "--install", self.name, f"charts/{self.chart}"]
        command += ["--namespace", self.namespace, "--create-namespace", "--wait"]
        command += ["--timeout", f"{READY_SECONDS:.0f}s"]
        if self.takes_over:
            command.append("--take-ownership")
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        programs.run(command, IN_REPOSITORY)


# Somebody may have applied what `dohyo crd` prints.
CRDS = Release("dohyo-crds", "dohyo-crds", SYSTEM, takes_over=True)


def dohyo() -> Release:
    """Operator and gateway; the cluster publishes the gateway's NodePort on 127.0.0.1."""
    settings = {"gateway.service.type": "NodePort", "gateway.service.nodePort": str(NODE_PORT)}
    for part in ("operator", "gateway"):
        # An image that was built anew has its old tag; this replaces its pods all the same.
        settings[f"{part}.podAnnotations.image"] = _image_id(part)
    return Release("dohyo", "dohyo", SYSTEM, settings)


def _image_id(part: str) -> str:
    image = f"dohyo/{part}:{importlib.metadata.version('dohyo')}"
    found = programs.attempt(["docker", "image", "inspect", "--format", "{{.Id}}", image])
    return found.stdout.strip() or "unknown"


def example(namespace: str, weight: float) -> Release:
    """A champion, and a challenger that answers so many percent."""
    return Release("example", "dohyo-example", namespace, {"challenger.weight": f"{weight:g}"})


def kubectl(namespace: str, *arguments: str) -> str:
    """Raises ClusterError with kubectl's own words when it fails."""
    return programs.run(["kubectl", "--namespace", namespace, *arguments], IN_REPOSITORY)


def resource(namespace: str) -> dict[str, Any]:
    printed = kubectl(namespace, "get", "md", MODEL, "--output", "json")
    found: dict[str, Any] = json.loads(printed)
    return found


def wait_until_ready(namespace: str) -> None:
    """Waits until the ModelDeployment is ready in the sense of its present spec.

    Raises:
        ClusterError: it is not within READY_SECONDS; with its own reason.
    """
    trouble = wait_while(lambda: _trouble(namespace), READY_SECONDS)
    if trouble:
        raise ClusterError(
            f"{MODEL} is not ready after {READY_SECONDS:.0f} s: {trouble};"
            f" see `kubectl --namespace {namespace} describe md {MODEL}`"
        )


def _trouble(namespace: str) -> str:
    """Why it is not ready, by a condition that speaks of the present spec; empty when it is."""
    found = resource(namespace)
    conditions = found.get("status", {}).get("conditions", [])
    generation = found["metadata"]["generation"]
    for condition in conditions:
        if condition["type"] == "Ready" and condition["observedGeneration"] == generation:
            return "" if condition["status"] == "True" else str(condition["message"])
    return "the operator has not seen it yet"
