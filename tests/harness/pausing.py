"""Versions whose pods cost nothing: Kubernetes' own pause program, which is on every node.

It answers no request, so its probes are taken off: such a version is ready as soon as it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.harness.manifests import version

if TYPE_CHECKING:
    from tests.harness.live import Object

IMAGE = "registry.k8s.io/pause:3.10.1"
WITHOUT_PROBES = {
    "spec": {
        "containers": [
            {
                "name": "bento",
                "startupProbe": None,
                "readinessProbe": None,
                "livenessProbe": None,
                "lifecycle": None,
            }
        ]
    }
}
SMALL = {"requests": {"cpu": "1m", "memory": "8Mi"}}


def pausing(name: str, **fields: Any) -> Object:
    """A version that is ready at once."""
    return version(
        name,
        f"pause:{name}",
        image=IMAGE,
        resources=SMALL,
        podTemplate=WITHOUT_PROBES,
        **fields,
    )
