"""NOTES.txt: the next commands, and loud warnings about likely mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.charts.rendering import CRDS, DOHYO, EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

WARNINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no operator": ({"operator": {"replicas": 0}}, "operator.replicas is 0"),
    "one operator": ({"operator": {"replicas": 1}}, "operator.replicas is 1"),
    "one gateway": ({"gateway": {"replicas": 1}}, "gateway.replicas is 1"),
    "down to one gateway": (
        {"gateway": {"autoscaling": {"enabled": True, "minReplicas": 1}}},
        "gateway.autoscaling.minReplicas is 1",
    ),
    "metrics that nobody may read": (
        {"monitoring": {"monitor": {"kind": "PodMonitor"}}},
        "networkPolicy.monitoringNamespaces='{monitoring}'",
    ),
    "host access": ({"operator": {"allowHostAccess": True}}, "operator.allowHostAccess lets"),
    "no policies": ({"networkPolicy": {"enabled": False}}, "without a network policy"),
}


def test_defaults_give_commands_and_no_warning(tmp_path: Path) -> None:
    notes = DOHYO.notes(tmp_path)

    assert "watches all namespaces" in notes
    assert "kubectl --namespace dohyo-system rollout status deployment/dohyo-gateway" in notes
    assert "helm install example charts/dohyo-example --namespace default\n" in notes
    assert "port-forward service/dohyo-gateway 8080:80" in notes
    assert "It leaves alone: the ModelDeployments and BatchPredictions, their definitions" in notes
    assert "WARNING" not in notes


@pytest.mark.parametrize(("values", "warning"), WARNINGS.values(), ids=list(WARNINGS))
def test_likely_mistake_is_loud(tmp_path: Path, values: dict[str, Any], warning: str) -> None:
    notes = DOHYO.notes(tmp_path, values)

    assert warning in notes
    assert notes.count("WARNING") == 1


def test_commands_follow_the_options(tmp_path: Path) -> None:
    values = {
        "watchNamespaces": ["shop", "search"],
        "fullnameOverride": "arena",
        "gateway": {"service": {"type": "NodePort"}},
    }
    notes = DOHYO.notes(tmp_path, values)

    assert "watches the namespaces shop, search" in notes
    assert "--namespace shop --set gateway.namespace=dohyo-system" in notes
    assert "--set gateway.service=arena-gateway" in notes
    assert "get service arena-gateway --output jsonpath='{.spec.ports[0].nodePort}'" in notes


def test_notes_of_the_definition_say_what_uninstalling_keeps(tmp_path: Path) -> None:
    notes = CRDS.notes(tmp_path)

    assert "helm install dohyo charts/dohyo --namespace dohyo-system --create-namespace" in notes
    assert "`helm uninstall dohyo-crds` keeps both definitions" in notes
    for definition in CRDS.render():
        if definition["kind"] == "CustomResourceDefinition":
            assert definition["metadata"]["name"] in notes


def test_notes_of_the_example_lead_to_a_prediction(tmp_path: Path) -> None:
    notes = EXAMPLE.notes(tmp_path)

    assert "v1 is the champion, v2 answers 10 percent." in notes
    assert "wait --for=condition=Ready modeldeployment/breast-cancer" in notes
    assert "'Host: breast-cancer.shop'" in notes
    assert "WARNING" not in notes
    one_replica = EXAMPLE.notes(tmp_path, {"scaling": {"minReplicas": 1}})
    assert "scaling.minReplicas is 1" in one_replica
