"""The evidence service: off by default, one process on a file, several on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.contract.evidence import EVIDENCE_PORT
from tests.charts.rendering import DOHYO, Object, RefusedError, of_kind, one

ON: dict[str, Any] = {"evidence": {"enabled": True}}
ON_POSTGRESQL: dict[str, Any] = {
    "evidence": {"enabled": True, "replicas": 3, "databaseSecret": {"name": "evidence-database"}}
}
NAME = "dohyo-evidence"


def container(values: dict[str, Any]) -> Object:
    pod = one(DOHYO.render(values), "Deployment", NAME)["spec"]["template"]["spec"]
    found: Object = pod["containers"][0]
    return found


def variables(which: Object) -> dict[str, Any]:
    return {entry["name"]: entry for entry in which["env"]}


def test_nothing_is_there_by_default() -> None:
    names = {made["metadata"]["name"] for made in DOHYO.render()}
    assert NAME not in names
    operator = one(DOHYO.render(), "Deployment", "dohyo-operator")
    url = variables(operator["spec"]["template"]["spec"]["containers"][0])["DOHYO_EVIDENCE_URL"]
    assert url["value"] == ""


def test_a_file_lies_on_a_volume_and_has_one_writer() -> None:
    made = DOHYO.render(ON)
    deployment = one(made, "Deployment", NAME)["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    volumes = {v["name"]: v for v in deployment["template"]["spec"]["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == NAME
    assert one(made, "PersistentVolumeClaim", NAME)["spec"]["accessModes"] == ["ReadWriteOnce"]
    mounts = {m["name"]: m["mountPath"] for m in container(ON)["volumeMounts"]}
    database = variables(container(ON))["DOHYO_DATABASE_URL"]["value"]
    assert database == f"sqlite:///{mounts['data']}/evidence.db"


def test_windows_of_drift_are_as_long_as_is_said() -> None:
    said = {"evidence": {"enabled": True, "driftWindowSeconds": 900}}
    assert variables(container(said))["DOHYO_DRIFT_WINDOW_SECONDS"]["value"] == "900"
    assert variables(container(ON))["DOHYO_DRIFT_WINDOW_SECONDS"]["value"] == "3600"


def test_the_url_of_postgresql_comes_from_a_secret_and_no_volume_is_needed() -> None:
    made = DOHYO.render(ON_POSTGRESQL)
    reference = variables(container(ON_POSTGRESQL))["DOHYO_DATABASE_URL"]["valueFrom"]
    assert reference == {"secretKeyRef": {"name": "evidence-database", "key": "url"}}
    assert of_kind(made, "PersistentVolumeClaim") == []
    volumes = one(made, "Deployment", NAME)["spec"]["template"]["spec"]["volumes"]
    assert [v["name"] for v in volumes] == ["keys"]


def test_several_pods_on_one_file_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"evidence\.replicas: 2 pods cannot share"):
        DOHYO.render({"evidence": {"enabled": True, "replicas": 2}})


def test_operator_and_gateway_know_where_it_is() -> None:
    address = f"{NAME}.dohyo-system.svc.cluster.local:{EVIDENCE_PORT}"
    made = DOHYO.render(ON)
    operator = one(made, "Deployment", "dohyo-operator")["spec"]["template"]["spec"]
    assert (
        variables(operator["containers"][0])["DOHYO_EVIDENCE_URL"]["value"] == f"http://{address}"
    )
    gateway = one(made, "Deployment", "dohyo-gateway")["spec"]["template"]["spec"]
    agents = [*gateway.get("initContainers", ()), *gateway["containers"]]
    found = [
        variables(c)["DOHYO_EVIDENCE_ADDRESS"]["value"]
        for c in agents
        if "DOHYO_EVIDENCE_ADDRESS" in variables({"env": c.get("env", [])})
    ]
    assert found == [address]


def test_only_who_has_something_to_say_reaches_it() -> None:
    spec = one(DOHYO.render(ON), "NetworkPolicy", NAME)["spec"]
    peers = [peer for rule in spec["ingress"] for peer in rule["from"]]
    assert {"port": EVIDENCE_PORT} in spec["ingress"][0]["ports"]
    components = [p["podSelector"]["matchLabels"].get("app.kubernetes.io/component") for p in peers]
    assert components == ["operator", "gateway", None]
    assert peers[2]["podSelector"]["matchLabels"] == {"app.kubernetes.io/managed-by": "dohyo"}


def test_prometheus_is_told_of_it() -> None:
    values = {**ON, "monitoring": {"monitor": {"kind": "ServiceMonitor"}}}
    monitor = one(DOHYO.render(values), "ServiceMonitor", NAME)
    assert monitor["spec"]["endpoints"][0]["port"] == "metrics"
