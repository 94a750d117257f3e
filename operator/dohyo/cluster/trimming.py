"""Live objects without what nobody looks at: a thousand ModelDeployments have to fit in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dohyo.cluster.kinds import POD, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.cluster.kinds import Kind

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_POD_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_POD_STATUS = ("phase", "reason", "message", "conditions")
_CONTAINER_STATUS = ("name", "ready", "started", "restartCount", "state", "lastState")


def trimmed(kind: Kind, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that holds what planning, comparing and the status need."""
    return _pod(raw) if kind is POD else _whole(kind, raw)


def _whole(kind: Kind, raw: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in raw["metadata"].items() if k != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    slim = {k: v for k, v in raw.items() if k != "metadata"}
    # Items of a list come without them.
    slim |= {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
    shared: dict[str, Any] = _shared(slim)
    return shared if kind in RESOURCES else _without_managed_status(shared)


def _without_managed_status(child: dict[str, Any]) -> dict[str, Any]:
    """Conditions of autoscalers and budgets change all the time and say nothing to us."""
    if child["kind"] in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        child.pop("status", None)
    return child


def _pod(raw: Mapping[str, Any]) -> dict[str, Any]:
    metadata, status = raw["metadata"], raw.get("status") or {}
    slim_status = {k: status[k] for k in _POD_STATUS if k in status}
    for group in ("initContainerStatuses", "containerStatuses"):
        if status.get(group):
            slim_status[group] = [
                {k: c[k] for k in _CONTAINER_STATUS if k in c} for c in status[group]
            ]
    node = (raw.get("spec") or {}).get("nodeName")
    slim: dict[str, Any] = _shared(
        {
            "metadata": {k: metadata[k] for k in _POD_METADATA if k in metadata},
            "spec": {"nodeName": node} if node else {},
            "status": slim_status,
        }
    )
    return slim


def _shared(value: Any) -> Any:
    """The same value with every key, and every short string, kept once in the process."""
    if isinstance(value, dict):
        return {sys.intern(k): _shared(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shared(v) for v in value]
    if isinstance(value, str) and len(value) <= 40:
        return sys.intern(value)
    return value
