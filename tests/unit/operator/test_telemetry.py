"""Metrics of ModelDeployments exist as long as these do."""

from __future__ import annotations

from typing import Any

from prometheus_client import generate_latest

from dohyo.telemetry import Telemetry

CHURN: Any = {
    "metadata": {"namespace": "shop", "name": "churn"},
    "status": {
        "champion": "v1",
        "url": "http://churn.shop",
        "phase": "Serving",
        "versions": [
            {"name": "v1", "role": "champion", "weight": 90, "readyReplicas": 2},
            {"name": "v2", "role": "challenger", "weight": 10, "readyReplicas": 1},
        ],
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Ready"},
            {"type": "Degraded", "status": "False", "reason": "Healthy"},
            {"type": "Available", "status": "Unknown", "reason": "ChampionNotReady"},
        ],
    },
}
WHERE = 'modeldeployment="churn",namespace="shop"'


def test_a_status_is_told_and_forgotten() -> None:
    telemetry, alive = Telemetry(), [CHURN, {"metadata": {"namespace": "shop", "name": "new"}}]
    telemetry.show_deployments(lambda: alive)
    text = generate_latest(telemetry.registry).decode()
    assert (
        f'dohyo_modeldeployment_info{{champion="v1",{WHERE},url="http://churn.shop"}} 1.0' in text
    )
    assert f'dohyo_modeldeployment_weight{{{WHERE},role="challenger",version="v2"}} 10.0' in text
    ready = "dohyo_modeldeployment_ready_replicas"
    assert f'{ready}{{{WHERE},role="champion",version="v1"}} 2.0' in text
    assert f'dohyo_modeldeployment_phase{{{WHERE},phase="Serving"}} 1.0' in text
    for reason, kind, value in (
        ("Ready", "Ready", "1.0"),
        ("Healthy", "Degraded", "0.0"),
        ("ChampionNotReady", "Available", "-1.0"),
    ):
        line = f'dohyo_modeldeployment_condition{{{WHERE},reason="{reason}",type="{kind}"}} {value}'
        assert line in text
    assert 'modeldeployment="new"' in text
    alive.clear()
    assert 'namespace="shop"' not in generate_latest(telemetry.registry).decode()


def test_requests_are_counted_by_verb_kind_and_code() -> None:
    telemetry = Telemetry()
    telemetry.api_request("apply", "Service", 409)
    text = generate_latest(telemetry.registry).decode()
    assert 'dohyo_api_requests_total{code="409",kind="Service",verb="apply"} 1.0' in text


def test_every_number_of_a_rollout_is_told() -> None:
    gate = {
        "name": "quality",
        "outcome": "inconclusive",
        "eHarm": 1.5,
        "ePass": 12.0,
        "effect": 0.02,
        "lower": -0.01,
        "champion": {"units": 900, "value": 0.1},
        "challenger": {"units": 100, "value": 0.08},
    }
    rollout = {
        "challenger": "v2",
        "state": "Running",
        "trial": "t1",
        "step": 1,
        "thresholds": {"harm": 40, "promote": 20},
        "verdict": {"outcome": "inconclusive", "gates": [gate]},
    }
    status = {"rollouts": [rollout], "ended": {"Promoted": 2, "GateFailed": 1}}
    telemetry = Telemetry()
    telemetry.show_deployments(lambda: [{"metadata": CHURN["metadata"], "status": status}])
    lines = generate_latest(telemetry.registry).decode().splitlines()
    told = {line.partition("{")[0] + " " + line.rpartition(" ")[2] for line in lines if "{" in line}
    assert told >= {
        "dohyo_rollout_step 2.0",
        "dohyo_rollout_threshold 40.0",
        "dohyo_gate_e_value 12.0",
        "dohyo_gate_effect -0.01",
        "dohyo_gate_units 900.0",
        "dohyo_gate_value 0.08",
        "dohyo_rollout_ended_total 2.0",
    }
    assert f'dohyo_rollout_ended_total{{{WHERE},outcome="GateFailed"}} 1.0' in lines
