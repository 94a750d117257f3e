"""The Service under the ModelDeployment's own name, which leads to the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.plan.child_metadata import child_metadata
from dohyo.plan.child_names import deployment_labels

if TYPE_CHECKING:
    from dohyo.api.resource import Metadata


def entry_service(owner: Metadata, gateway_host: str) -> dict[str, Any]:
    """An alias in DNS: the caller's Host header still says which deployment is meant."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(owner, owner.name, deployment_labels(owner.name)),
        "spec": {"type": "ExternalName", "externalName": gateway_host},
    }
