"""The pod that serves one bento: restricted, read-only, probed on the bento's own endpoints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dohyo.contract import (
    ANNOTATION_BENTO,
    BENTO_GRPC_PORT,
    BENTO_HTTP_PORT,
    KEYS_FOLDER,
    KEYS_SECRET,
)
from dohyo.plan.bento_delivery import SECURITY, pod_security
from dohyo.plan.pod_template import merged

if TYPE_CHECKING:
    from dohyo.plan.contender import Contender
    from dohyo.plan.settings import Runtime

CONTAINER = "bento"
_BENTOML_HOME = "/var/run/bentoml"
# Enough to be scheduled sensibly when the user says nothing: an idle scikit-learn bento holds
# about 220 MB.
_DEFAULT_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}}
# Loading scikit-learn takes 6 CPU seconds; on a crowded node that may be minutes.
_STARTUP_PERIOD_SECONDS = 2
_STARTUP_FAILURES = 150


def pod_template(contender: Contender, drain_seconds: float) -> dict[str, Any]:
    """The pod template with the version's own `podTemplate` laid over it."""
    base: dict[str, Any] = {
        "metadata": {
            "labels": contender.labels,
            "annotations": {ANNOTATION_BENTO: contender.version.bento},
        },
        "spec": _pod_spec(contender, drain_seconds),
    }
    template = merged(base, contender.version.pod_template)
    # The selector's labels are not for anybody to change: a pod without them is an orphan.
    template["metadata"]["labels"] = {**template["metadata"]["labels"], **contender.labels}
    return template


def _pod_spec(contender: Contender, drain_seconds: float) -> dict[str, Any]:
    grace = drain_seconds + contender.timeout_seconds + 5
    delivered = contender.delivered
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(grace),
        "securityContext": pod_security(),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": contender.labels},
            }
        ],
        "containers": [_container(contender, drain_seconds)],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "bentoml", "emptyDir": {}},
            *(_keys_volume() if contender.runtime.has_keys else ()),
            *delivered.volumes,
        ],
    }
    if delivered.init_containers:
        spec["initContainers"] = list(delivered.init_containers)
    if delivered.pull_secrets:
        spec["imagePullSecrets"] = list(delivered.pull_secrets)
    return spec


def _keys_volume() -> tuple[dict[str, Any], ...]:
    """Optional: a bento that needs no keys starts without, and another one says what it misses.

    A pod that waits for a volume says nothing.
    """
    source = {"secretName": KEYS_SECRET, "optional": True, "defaultMode": 0o440}
    return ({"name": KEYS_SECRET, "secret": source},)


def _container(contender: Contender, drain_seconds: float) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": contender.delivered.image,
        "imagePullPolicy": contender.delivered.pull_policy,
        "ports": [
            {"name": "http", "containerPort": BENTO_HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": BENTO_GRPC_PORT, "protocol": "TCP"},
        ],
        "env": [
            {"name": "BENTOML_HOME", "value": _BENTOML_HOME},
            {"name": "BENTOML_DO_NOT_TRACK", "value": "True"},
            {"name": "DOHYO_NAMESPACE", "value": contender.owner.namespace},
            {"name": "DOHYO_DEPLOYMENT", "value": contender.owner.name},
            {"name": "DOHYO_VERSION", "value": contender.name},
            *_told(contender.runtime),
        ],
        "resources": contender.version.resources or _DEFAULT_RESOURCES,
        "startupProbe": {
            **_probe("/readyz"),
            "periodSeconds": _STARTUP_PERIOD_SECONDS,
            "failureThreshold": _STARTUP_FAILURES,
        },
        "readinessProbe": {**_probe("/readyz"), "periodSeconds": 5, "failureThreshold": 3},
        # Patient: a pod that is killed for being busy makes the others busier.
        "livenessProbe": {
            **_probe("/livez"),
            "timeoutSeconds": 10,
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        # The pod leaves the endpoints first; it answers on while the gateways take notice.
        "lifecycle": {"preStop": {"sleep": {"seconds": max(1, math.ceil(drain_seconds))}}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "bentoml", "mountPath": _BENTOML_HOME},
            *(_keys_mount() if contender.runtime.has_keys else ()),
            *contender.delivered.mounts,
        ],
    }


def _keys_mount() -> tuple[dict[str, Any], ...]:
    return ({"name": KEYS_SECRET, "mountPath": KEYS_FOLDER, "readOnly": True},)


def _told(runtime: Runtime) -> list[dict[str, str]]:
    """What the installation lets every bento know."""
    known = {
        "DOHYO_KEYS": KEYS_FOLDER if runtime.has_keys else "",
        "DOHYO_EVIDENCE_URL": runtime.evidence_url,
    }
    return [{"name": name, "value": value} for name, value in known.items() if value]


def _probe(path: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 3}
