"""Monitors, dashboard and alerts: off by default, and about metrics that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dohyo import batch_metrics, contract
from dohyo.contract.evidence import EVIDENCE_PORT
from dohyo.telemetry import Telemetry as OperatorTelemetry
from dohyo_evidence.telemetry import Telemetry as EvidenceTelemetry
from dohyo_gateway.ledger import Ledger
from dohyo_gateway.telemetry import Telemetry as GatewayTelemetry
from tests.charts.rendering import DOHYO, Object, every_option, of_kind, one

FOREIGN = ("PodMonitor", "ServiceMonitor", "PrometheusRule")


def monitored(kind: str) -> list[Object]:
    values: dict[str, Any] = {"monitoring": {"monitor": {"kind": kind, "labels": {"a": "b"}}}}
    return DOHYO.render(values)


def test_nothing_is_asked_of_the_cluster_by_default() -> None:
    assert of_kind(DOHYO.render(), *FOREIGN, "ConfigMap") == []


@pytest.mark.parametrize("component", ["operator", "gateway"])
def test_pod_monitor_finds_the_port_of_its_pods(component: str) -> None:
    objects = monitored("PodMonitor")
    monitor = one(objects, "PodMonitor", f"dohyo-{component}")
    deployment = one(objects, "Deployment", f"dohyo-{component}")["spec"]
    pod = deployment["template"]["spec"]
    ports = {
        port["name"]: port["containerPort"]
        for each in [*pod.get("initContainers", []), *pod["containers"]]
        for port in each["ports"]
    }

    assert monitor["metadata"]["labels"]["a"] == "b"
    assert monitor["spec"]["selector"] == deployment["selector"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert ports[endpoint["port"]] == 8081
    assert endpoint["path"] == contract.AGENT_METRICS_PATH
    assert endpoint["honorLabels"] is True


@pytest.mark.parametrize("component", ["operator", "gateway"])
def test_service_monitor_finds_exactly_the_metrics_service(component: str) -> None:
    objects = monitored("ServiceMonitor")
    monitor = one(objects, "ServiceMonitor", f"dohyo-{component}")["spec"]
    (endpoint,) = monitor["endpoints"]
    found = [
        service["metadata"]["name"]
        for service in of_kind(objects, "Service")
        if monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        and endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    ]

    assert found == [f"dohyo-{component}-metrics"]


def told() -> set[str]:
    """Names of all that operator, gateway and evidence service tell Prometheus."""
    operator = OperatorTelemetry()
    operator.show_deployments(list)
    operator.show_batches(list)
    gateway = GatewayTelemetry(Ledger(forget_seconds=60))
    registries = (operator.registry, gateway.registry, EvidenceTelemetry().registry)
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for registry in registries
        for family in registry.collect()
    }


def queries() -> list[str]:
    objects = DOHYO.render(every_option())
    dashboard = json.loads(one(objects, "ConfigMap", "arena-dashboard")["data"]["dohyo.json"])
    rules = one(objects, "PrometheusRule", "arena")["spec"]["groups"][0]["rules"]
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [v["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    return [*panels, *variables, *(rule["expr"] for rule in rules)]


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    asked = {
        re.sub("_(bucket|sum|count)$", "", name)
        for query in queries()
        for name in re.findall(r"\bdohyo_[a-z0-9_]+", query)
    }

    assert sorted(asked - told()) == []
    assert contract.METRIC_REQUESTS in asked
    assert {"dohyo_gate_e_value", "dohyo_evidence_accepted_rows_total"} <= asked


def test_what_the_evidence_service_tells_has_an_alert_and_a_graph() -> None:
    rules = one(DOHYO.render(every_option()), "PrometheusRule", "arena")["spec"]["groups"][0]
    alerted = {rule["alert"]: rule["expr"] for rule in rules["rules"]}
    for name, metric in (
        ("DohyoEvidenceDatabase", "dohyo_evidence_database_up"),
        ("DohyoEvidenceNotSettled", "dohyo_evidence_settle_errors_total"),
        ("DohyoEvidenceDropped", "dohyo_evidence_reported_drops_total"),
        ("DohyoEvidenceDropped", "dohyo_gateway_evidence_dropped_events_total"),
        ("DohyoEvidenceRefused", "dohyo_evidence_refused_rows_total"),
        ("DohyoEvidenceTurnsAway", "dohyo_evidence_turned_away_batches_total"),
        ("DohyoEvidenceLost", "dohyo_rollout_ended_total"),
        ("DohyoVerdictError", "dohyo_rollout_verdict"),
    ):
        assert metric in alerted[name]
    shown = " ".join(queries())
    for metric in ("database_up", "accepted_rows", "refused_rows", "batch_seconds"):
        assert f"dohyo_evidence_{metric}" in shown


def test_batch_predictions_have_graphs_and_alerts() -> None:
    objects = DOHYO.render(every_option())
    dashboard = json.loads(one(objects, "ConfigMap", "arena-dashboard")["data"]["dohyo.json"])
    shown = [
        target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
        if 'batchprediction=~"$batchprediction"' in target["expr"]
    ]
    told = {family.name for family in batch_metrics.batch_families(())} | {"dohyo_batch_runs_total"}
    # Conditions are for the alerts.
    for metric in told - {"dohyo_batch_runs", "dohyo_batch_condition"}:
        assert any(metric in expression for expression in shown), metric
    rules = one(objects, "PrometheusRule", "arena")["spec"]["groups"][0]["rules"]
    alerted = {rule["alert"]: rule["expr"] for rule in rules}
    assert "dohyo_batch_success_due_timestamp_seconds" in alerted["DohyoBatchOverdue"]
    assert "dohyo_batch_condition" in alerted["DohyoBatchFailed"]
    namespaces = dashboard["templating"]["list"][1]["query"]
    assert "dohyo_batch_shards" in namespaces


def test_monitors_find_the_evidence_service_where_there_is_one() -> None:
    assert not [m for m in monitored("PodMonitor") if "evidence" in m["metadata"]["name"]]
    for kind, endpoints in (("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")):
        objects = DOHYO.render(
            {"evidence": {"enabled": True}, "monitoring": {"monitor": {"kind": kind}}}
        )
        monitor = one(objects, kind, "dohyo-evidence")["spec"]
        pod = one(objects, "Deployment", "dohyo-evidence")["spec"]
        service = one(objects, "Service", "dohyo-evidence")
        assert monitor["selector"]["matchLabels"] == pod["selector"]["matchLabels"]
        (endpoint,) = monitor[endpoints]
        (port,) = pod["template"]["spec"]["containers"][0]["ports"]
        assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")
        assert port["containerPort"] == EVIDENCE_PORT
        if kind == "ServiceMonitor":
            labels = service["metadata"]["labels"]
            assert monitor["selector"]["matchLabels"].items() <= labels.items()
            assert [p["name"] for p in service["spec"]["ports"]] == [endpoint["port"]]


def test_alerts_say_what_is_wrong_and_where() -> None:
    rules = one(DOHYO.render(every_option()), "PrometheusRule", "arena")["spec"]["groups"][0]

    for rule in rules["rules"]:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        by_model = "modeldeployment" in rule["expr"]
        assert ("{{ $labels.modeldeployment }}" in rule["annotations"]["summary"]) == by_model
        assert rule["annotations"]["description"]
