"""ModelDeployments as a user writes them, small enough that many fit on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.contract import API_VERSION, KIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness.live import Object

ENTITY_HEADER = "x-entity-id"
# A bento of the sample model takes about 250 MB, and six seconds of one core to start.
RESOURCES: Mapping[str, Any] = {"requests": {"cpu": "50m", "memory": "256Mi"}}


def version(name: str, bento: str, **fields: Any) -> Object:
    """A version that runs the project's image of a bento tag; `fields` add to it or replace."""
    bento_name, _, tag = bento.partition(":")
    image = f"dohyo/bento-{bento_name}:{tag}"
    return {"name": name, "bento": bento, "image": image, "resources": RESOURCES, **fields}


def challenger(name: str, bento: str, weight: float, **fields: Any) -> Object:
    return version(name, bento, weight=weight, **fields)


def model_deployment(
    name: str, champion: Object, challengers: tuple[Object, ...] = (), **spec: Any
) -> Object:
    """Sticky by ENTITY_HEADER, two replicas of each version unless `spec` says otherwise."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "champion": champion,
            "challengers": list(challengers),
            # Shorter than the load waits, so that a pod that hangs costs it time and no answer.
            "traffic": {"stickyBy": {"header": ENTITY_HEADER}, "timeoutSeconds": 8},
            "scaling": {"minReplicas": 2, "maxReplicas": 2},
            **spec,
        },
    }
