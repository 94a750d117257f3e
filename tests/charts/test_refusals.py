"""What `_validation.tpl` refuses: combinations that no schema can see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.rendering import DOHYO, EXAMPLE, Chart, RefusedError

# What a live API server lists, as opposed to `helm template` alone.
LIVE = "apps/v1/Deployment"
MODEL_DEPLOYMENT = "dohyo.dev/v1alpha1/ModelDeployment"
BATCH_PREDICTION = "dohyo.dev/v1alpha1/BatchPrediction"

REFUSED: dict[str, tuple[Chart, dict[str, Any], str]] = {
    "node port without a node port type": (
        DOHYO,
        {"gateway": {"service": {"nodePort": 30080}}},
        "gateway.service.nodePort: 30080 has no meaning for type ClusterIP; set",
    ),
    "external policy inside the cluster": (
        DOHYO,
        {"gateway": {"service": {"externalTrafficPolicy": "Local"}}},
        "gateway.service.externalTrafficPolicy: Local has no meaning for type ClusterIP; set",
    ),
    "load balancer class on a node port": (
        DOHYO,
        {"gateway": {"service": {"type": "NodePort", "loadBalancerClass": "internal"}}},
        "loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer, not NodePort",
    ),
    "no service account at all": (
        DOHYO,
        {"gateway": {"serviceAccount": {"create": False}}},
        "gateway.serviceAccount.name is empty while create is false; name the account",
    ),
    "label of a selector": (
        DOHYO,
        {"commonLabels": {"app.kubernetes.io/name": "other"}},
        "commonLabels: app.kubernetes.io/name is a label of the chart itself; choose another",
    ),
    "pod label of a selector": (
        DOHYO,
        {"operator": {"podLabels": {"app.kubernetes.io/component": "other"}}},
        "operator.podLabels: app.kubernetes.io/component is a label of the chart itself",
    ),
    "variable that an option sets": (
        DOHYO,
        {"gateway": {"agent": {"extraEnv": [{"name": "DOHYO_PIN_ALLOWED", "value": "x"}]}}},
        "gateway.agent.extraEnv: DOHYO_PIN_ALLOWED is set by the chart; use the option for it",
    ),
    "bounds the wrong way round": (
        DOHYO,
        {"gateway": {"autoscaling": {"enabled": True, "minReplicas": 12}}},
        "gateway.autoscaling: minReplicas 12 is above maxReplicas 10",
    ),
    "windows the wrong way round": (
        DOHYO,
        {"operator": {"scalingWindows": {"stableSeconds": 10, "panicSeconds": 10}}},
        "operator.scalingWindows: panicSeconds 10 must be shorter than stableSeconds 10",
    ),
    "challenger with the champion's name": (
        EXAMPLE,
        {"challenger": {"name": "v1"}},
        "challenger.name: v1 is the champion's name; give the challenger another one",
    ),
    "example's bounds the wrong way round": (
        EXAMPLE,
        {"scaling": {"minReplicas": 5}},
        "scaling: minReplicas 5 is above maxReplicas 4",
    ),
}


@pytest.mark.parametrize(("chart", "values", "message"), REFUSED.values(), ids=REFUSED)
def test_combination_is_refused(chart: Chart, values: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values)

    assert message in str(refused.value)


@pytest.mark.parametrize("chart", [DOHYO, EXAMPLE], ids=["dohyo", "example"])
def test_cluster_without_the_kind_is_refused_with_the_command(chart: Chart) -> None:
    live = Chart(chart.folder, api_versions=[LIVE])

    with pytest.raises(RefusedError, match="helm install dohyo-crds charts/dohyo-crds"):
        live.render()


@pytest.mark.parametrize("chart", [DOHYO, EXAMPLE], ids=["dohyo", "example"])
def test_cluster_with_the_kind_is_served(chart: Chart) -> None:
    live = Chart(chart.folder, api_versions=[LIVE, MODEL_DEPLOYMENT, BATCH_PREDICTION])

    assert live.render()


def test_cluster_with_an_older_definition_is_refused_until_batch_is_off() -> None:
    live = Chart(DOHYO.folder, api_versions=[LIVE, MODEL_DEPLOYMENT])

    with pytest.raises(RefusedError, match="helm upgrade dohyo-crds charts/dohyo-crds"):
        live.render()
    assert live.render({"batch": {"enabled": False}})


def test_a_tool_that_installs_both_charts_at_once_may_go_on() -> None:
    assert Chart(DOHYO.folder, api_versions=[LIVE]).render({"requireCrds": False})
