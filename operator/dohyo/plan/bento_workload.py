"""The children of one version: Service, Deployment, disruption budget and autoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.contract import ANNOTATION_BENTO, BENTO_GRPC_PORT, BENTO_HTTP_PORT
from dohyo.plan.bento_pod import pod_template
from dohyo.plan.child_metadata import child_metadata

if TYPE_CHECKING:
    from dohyo.plan.contender import Contender
    from dohyo.plan.scaling import Size


def workload(contender: Contender, size: Size, drain_seconds: float) -> list[dict[str, Any]]:
    """All manifests of one version, in the order in which they are applied."""
    manifests = [_service(contender), _deployment(contender, size.replicas, drain_seconds)]
    if size.replicas > 1:
        manifests.append(_disruption_budget(contender))
    if contender.scales_by_cpu:
        manifests.append(_autoscaler(contender, size.floor))
    return manifests


def _metadata(contender: Contender) -> dict[str, Any]:
    return child_metadata(contender.owner, contender.child, contender.labels)


def _service(contender: Contender) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(contender),
        "spec": {
            "type": "ClusterIP",
            # The gateway balances over the pods itself.
            "clusterIP": "None",
            "selector": contender.labels,
            "ports": [
                {
                    "name": "http",
                    "port": BENTO_HTTP_PORT,
                    "targetPort": "http",
                    "protocol": "TCP",
                    "appProtocol": "http",
                },
                {
                    "name": "grpc",
                    "port": BENTO_GRPC_PORT,
                    "targetPort": "grpc",
                    "protocol": "TCP",
                    "appProtocol": "kubernetes.io/h2c",
                },
            ],
        },
    }


def _deployment(contender: Contender, replicas: int, drain_seconds: float) -> dict[str, Any]:
    metadata = _metadata(contender)
    metadata["annotations"] = {ANNOTATION_BENTO: contender.version.bento}
    deadline = contender.deadline_seconds
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            **({} if deadline is None else {"progressDeadlineSeconds": deadline}),
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": contender.labels},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "template": pod_template(contender, drain_seconds),
        },
    }


def _disruption_budget(contender: Contender) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(contender),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": contender.labels}},
    }


def _autoscaler(contender: Contender, floor: int) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(contender),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": contender.child,
            },
            "minReplicas": floor,
            "maxReplicas": contender.scaling.max_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {
                            "type": "Utilization",
                            "averageUtilization": int(contender.scaling.target),
                        },
                    },
                }
            ],
        },
    }
