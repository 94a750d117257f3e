"""Pods that fetch their bento: taken by a real API server as they are planned, and left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.operator_process import operator

if TYPE_CHECKING:
    from tests.integration.conftest import Field

DIGEST = "sha256:" + "0" * 64
SECRET = {"secretRef": {"name": "store"}}
CACHE = {"hostPath": {"path": "/var/cache/dohyo", "type": "Directory"}}
URIS: dict[str, dict[str, Any]] = {
    "web": {"uri": "http://models.example/a.bento?x=1", "digest": DIGEST},
    "s3": {"uri": "s3://b/a.bento", "credentials": SECRET},
    "claim": {"uri": "pvc://models/a.bento"},
    "registry": {"uri": "oci://r.example/m:v1", "digest": DIGEST, "credentials": SECRET},
}


@pytest.mark.parametrize("image_volumes", ["false", "true"])
def test_the_api_server_keeps_what_is_planned(field: Field, image_volumes: str) -> None:
    """Nothing that it fills in or leaves out makes the operator write again and again."""
    variables = {
        "DOHYO_RUNTIME_IMAGE": "dohyo/runtime:never-started",
        "DOHYO_BENTO_CACHE": json.dumps(CACHE),
        "DOHYO_IMAGE_VOLUMES": image_volumes,
        "DOHYO_PLAIN_REGISTRIES": "registry.tools:5000",
    }
    none = {"minReplicas": 1, "maxReplicas": 1}
    with operator(replace(field.station, variables=variables)) as process:
        for name, fields in URIS.items():
            version = {"name": "v1", "bento": "m:v1", "resources": RESOURCES, **fields}
            # No node has this label, so that nothing is ever pulled or fetched.
            version["podTemplate"] = {"spec": {"nodeSelector": {"dohyo.dev/never": "there"}}}
            field.apply(model_deployment(name, version, scaling=none))
        statuses = {name: field.settled(name, process, seconds=60) for name in URIS}
        log = process.log()
    for name, status in statuses.items():
        (version,) = status["versions"]
        pod = field.child(name, "Deployment", "v1")["spec"]["template"]["spec"]
        mounted = image_volumes == "true" and name == "registry"
        assert bool(pod.get("initContainers")) is not mounted
        if mounted and not any("image" in volume for volume in pod["volumes"]):
            # A cluster without the feature gate drops the volume without a word.
            assert version["reason"] == "BentoNotAvailable"
            assert "offers no image volumes" in version["message"]
        else:
            assert version["reason"] != "ClusterError", version
            assert f"{name}-v1" not in lines_about_drift(log)


def lines_about_drift(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if "stays different" in line)
