"""How far a version's pods are, as its Deployment says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.plan.observed import ChildKey

if TYPE_CHECKING:
    from dohyo.plan.observed import Observed


@dataclass(frozen=True)
class Readiness:
    """Counts of one version's pods.

    Attributes:
        exists: whether its Deployment is there.
        wanted: replicas that the Deployment asks for.
        ready: pods that pass their readiness probe.
        current: the Deployment's controller has seen its latest spec and all pods are of it.
    """

    exists: bool = False
    wanted: int = 0
    ready: int = 0
    current: bool = False


def readiness(observed: Observed, child: str) -> Readiness:
    deployment = observed.children.get(ChildKey("Deployment", child))
    if deployment is None:
        return Readiness()
    status = deployment.get("status", {})
    wanted = int(deployment["spec"].get("replicas", 1))
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return Readiness(
        exists=True,
        wanted=wanted,
        ready=int(status.get("readyReplicas", 0)),
        current=seen and int(status.get("updatedReplicas", 0)) >= wanted,
    )
