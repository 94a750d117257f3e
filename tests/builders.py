"""The only way that tests make objects: complete, with everything that a test does not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dohyo.api.resource import ModelDeployment, parse
from dohyo.plan.child_names import child_name, version_labels
from dohyo.plan.observed import ChildKey, GatewayEpoch, Manifest, Observed

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
NAME = "satisfaction"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_version(name: str = "v12", **fields: Any) -> dict[str, Any]:
    """A version with an image, which is all that it needs."""
    return {"name": name, "bento": f"{NAME}:{name}", "image": f"{NAME}:{name}", **fields}


def a_manifest(
    champion: str = "v12",
    challengers: Mapping[str, float] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A ModelDeployment as somebody applies it; challengers by name with their percent."""
    return {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": NAME, "namespace": "shop", "uid": "uid-1", "generation": 1},
        "spec": {
            "champion": a_version(champion),
            "challengers": [
                a_version(name, weight=weight) for name, weight in (challengers or {}).items()
            ],
            **spec,
        },
    }


def a_deployment(
    champion: str = "v12",
    challengers: Mapping[str, float] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> ModelDeployment:
    """The same, parsed, with the status that the operator left last time."""
    return parse({**a_manifest(champion, challengers, **spec), "status": dict(status or {})})


def a_live_deployment(version: str, ready: int, replicas: int = 1) -> Manifest:
    """A Deployment as the API server shows it, all of its pods of its latest spec."""
    return {
        "kind": "Deployment",
        "metadata": {
            "name": child_name(NAME, version),
            "labels": version_labels(NAME, version),
            "annotations": {"dohyo.dev/bento": f"{NAME}:{version}"},
            "generation": 1,
        },
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
        },
    }


def an_observed(
    ready: Mapping[str, int] | None = None, epoch: int | None = None, **fields: Any
) -> Observed:
    """Live Deployments by version with their ready pods, and one gateway that is at an epoch."""
    live = {v: a_live_deployment(v, count, max(1, count)) for v, count in (ready or {}).items()}
    children = {ChildKey("Deployment", m["metadata"]["name"]): m for m in live.values()}
    gateways = None if epoch is None else (GatewayEpoch("gateway-0", epoch),)
    return Observed(children=children, gateways=gateways, **fields)


def a_pod(version: str, status: Mapping[str, Any]) -> Manifest:
    return {"metadata": {"labels": version_labels(NAME, version)}, "status": dict(status)}
