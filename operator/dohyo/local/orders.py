"""A Deployment's pod template → what one process on this machine has to be told.

Of the template a process can keep the bento, the variables, the probe's path and patience, and the
time to drain; what only a kubelet can do (images, volumes, limits) is left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import ANNOTATION_BENTO
from dohyo.plan.bento_pod import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.plan.observed import Manifest

# Where the kubelet mounts things; here the user's own store and folders are used.
_OF_THE_POD = ("BENTOML_HOME",)


@dataclass(frozen=True)
class Probe:
    """How a replica is asked whether it can answer.

    Attributes:
        path: of a GET that answers 200.
        timeout_seconds: for one answer.
        failures: in a row until it counts as not ready.
        startup_seconds: until the first 200; a process that takes longer is replaced.
    """

    path: str
    timeout_seconds: float
    failures: int
    startup_seconds: float


@dataclass(frozen=True)
class Order:
    """What one replica is to run.

    Attributes:
        image: where the bento lies, as `dohyo.local.admission` wrote it.
        bento: its tag, for people.
        environment: variables of the template.
        probe: how it is asked.
        drain_seconds: between leaving the endpoints and being told to end.
        grace_seconds: between being told and being killed.
        template: hash of the template.
    """

    image: str
    bento: str
    environment: Mapping[str, str]
    probe: Probe
    drain_seconds: float
    grace_seconds: float
    template: str


def order_of(deployment: Manifest) -> Order:
    """What the replicas of a Deployment are to run."""
    template = deployment["spec"]["template"]
    pod = template["spec"]
    container = next(c for c in pod["containers"] if c["name"] == CONTAINER)
    annotations = template["metadata"].get("annotations") or {}
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    drain = float((hook.get("sleep") or {}).get("seconds", 0))
    return Order(
        image=container["image"],
        bento=annotations.get(ANNOTATION_BENTO, ""),
        environment=_environment(container),
        probe=_probe(container),
        drain_seconds=drain,
        grace_seconds=max(1.0, float(pod.get("terminationGracePeriodSeconds", 30)) - drain),
        template=template_hash(template),
    )


def template_hash(template: Mapping[str, Any]) -> str:
    text = json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Variables with a value; those from Secrets and the like exist on a cluster alone."""
    return {
        entry["name"]: str(entry["value"])
        for entry in container.get("env") or ()
        if entry.get("value") is not None and entry["name"] not in _OF_THE_POD
    }


def _probe(container: Mapping[str, Any]) -> Probe:
    ready, startup = container["readinessProbe"], container["startupProbe"]
    return Probe(
        path=ready["httpGet"]["path"],
        timeout_seconds=float(ready.get("timeoutSeconds", 1)),
        failures=int(ready.get("failureThreshold", 3)),
        startup_seconds=float(startup.get("periodSeconds", 10) * startup["failureThreshold"]),
    )
