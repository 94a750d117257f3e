"""Ports, Services and network policies: who reaches what."""

from __future__ import annotations

from typing import Any

from dohyo.contract import AGENT_PORT, GATEWAY_PORT, GATEWAY_SERVICE_PORT, OPERATOR_PORT
from tests.charts.rendering import DOHYO, Object, of_kind, one


def policy(name: str, values: dict[str, Any] | None = None) -> Object:
    spec: Object = one(DOHYO.render(values), "NetworkPolicy", name)["spec"]
    return spec


def component(name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "dohyo",
        "app.kubernetes.io/instance": "dohyo",
        "app.kubernetes.io/component": name,
    }


def test_requests_reach_the_gateway_from_everywhere_and_the_agent_only_from_the_operator() -> None:
    spec = policy("dohyo-gateway")

    assert spec["podSelector"]["matchLabels"] == component("gateway")
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == [
        {"ports": [{"port": GATEWAY_PORT}]},
        {
            "from": [{"podSelector": {"matchLabels": component("operator")}}],
            "ports": [{"port": AGENT_PORT}],
        },
    ]


def test_nobody_reaches_the_operator() -> None:
    spec = policy("dohyo-operator")

    assert spec["podSelector"]["matchLabels"] == component("operator")
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == []


def test_named_namespaces_may_read_metrics_and_nothing_else() -> None:
    values = {"networkPolicy": {"monitoringNamespaces": ["monitoring"]}}
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}

    requests, metrics = policy("dohyo-gateway", values)["ingress"]
    assert "from" not in requests
    assert peer in metrics["from"]
    assert metrics["ports"] == [{"port": AGENT_PORT}]
    assert policy("dohyo-operator", values)["ingress"] == [
        {"from": [peer], "ports": [{"port": OPERATOR_PORT}]}
    ]


def test_policies_can_be_left_out() -> None:
    assert of_kind(DOHYO.render({"networkPolicy": {"enabled": False}}), "NetworkPolicy") == []


def test_the_gateway_service_offers_requests_and_nothing_else() -> None:
    spec = one(DOHYO.render(), "Service", "dohyo-gateway")["spec"]

    assert spec["type"] == "ClusterIP"
    assert spec["selector"] == component("gateway")
    assert spec["ports"] == [
        {
            "name": "http",
            "port": GATEWAY_SERVICE_PORT,
            "targetPort": GATEWAY_PORT,
            "appProtocol": "http",
        }
    ]


def test_the_gateway_service_on_a_node_port() -> None:
    values = {"gateway": {"service": {"type": "NodePort", "nodePort": 30080, "appProtocol": ""}}}
    spec = one(DOHYO.render(values), "Service", "dohyo-gateway")["spec"]

    assert spec["type"] == "NodePort"
    assert spec["ports"][0]["nodePort"] == 30080
    assert "appProtocol" not in spec["ports"][0]


def test_metrics_services_are_headless_and_lead_to_every_pod() -> None:
    objects = DOHYO.render()
    for name, port in (("operator", OPERATOR_PORT), ("gateway", AGENT_PORT)):
        spec = one(objects, "Service", f"dohyo-{name}-metrics")["spec"]
        assert spec["clusterIP"] == "None"
        assert spec["publishNotReadyAddresses"] is True
        assert spec["selector"] == component(name)
        assert spec["ports"] == [{"name": "metrics", "port": port, "targetPort": port}]
