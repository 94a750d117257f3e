"""Every pod meets Kubernetes' restricted standard, and goes further where it can."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.rendering import DOHYO, Object, container, every_option, of_kind, one

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
CASES: dict[str, dict[str, Any]] = {"defaults": {}, "every option": every_option()}
cases = pytest.mark.parametrize("values", CASES.values(), ids=CASES)


def pods(values: dict[str, Any]) -> list[Object]:
    return [d["spec"]["template"]["spec"] for d in of_kind(DOHYO.render(values), "Deployment")]


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@cases
def test_pods_are_restricted(values: dict[str, Any]) -> None:
    for pod in pods(values):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for volume in pod["volumes"]:
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES


@cases
def test_containers_are_restricted(values: dict[str, Any]) -> None:
    for each in [c for pod in pods(values) for c in containers(pod)]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("hostPort" not in port for port in each["ports"])


def test_the_user_is_fixed_unless_the_platform_chooses() -> None:
    for pod in pods({}):
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["runAsGroup"] == 65532
    for pod in pods({"fixedUser": False}):
        assert not {"runAsUser", "runAsGroup"} & set(pod["securityContext"])


@cases
def test_only_who_asks_the_api_server_holds_a_token(values: dict[str, Any]) -> None:
    holders = set()
    for pod in pods(values):
        assert pod["automountServiceAccountToken"] is False
        for each in containers(pod):
            if TOKEN in [mount["mountPath"] for mount in each["volumeMounts"]]:
                holders.add(each["name"])

    assert holders == {"operator", "agent"}


@cases
def test_every_container_has_requests_and_a_memory_limit(values: dict[str, Any]) -> None:
    for each in [c for pod in pods(values) for c in containers(pod)]:
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])
        assert "memory" in each["resources"]["limits"]


def test_envoy_cannot_write_its_configuration() -> None:
    pod = one(DOHYO.render(), "Deployment", "dohyo-gateway")["spec"]["template"]["spec"]
    mounts = {
        name: next(m for m in container(pod, name)["volumeMounts"] if m["name"] == "configuration")
        for name in ("agent", "envoy")
    }

    assert mounts["envoy"].get("readOnly") is True
    assert "readOnly" not in mounts["agent"]
