"""Every chart renders, passes Helm's lint, and gives objects that Kubernetes' schemas accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.charts import conformance
from tests.charts.rendering import (
    ALL,
    CRDS,
    DOHYO,
    EXAMPLE,
    NEWEST,
    OLDEST,
    Chart,
    RefusedError,
    every_option,
    lint,
    of_kind,
    without_keys,
)

if TYPE_CHECKING:
    from pathlib import Path

SERVICE_MONITOR = {"monitoring": {"monitor": {"kind": "ServiceMonitor"}}}
NODE_PORT = {"gateway": {"service": {"type": "NodePort", "nodePort": 30080}}}
CASES = {
    "crds": (CRDS, {}),
    "crds without roles": (CRDS, {"aggregateRoles": False}),
    "dohyo": (DOHYO, {}),
    "dohyo with every option": (DOHYO, every_option()),
    "dohyo with a ServiceMonitor": (DOHYO, SERVICE_MONITOR),
    "dohyo on a node port": (DOHYO, NODE_PORT),
    "dohyo watching its own namespace": (DOHYO, {"watchNamespaces": ["dohyo-system"]}),
    "example": (EXAMPLE, {}),
    "example without challenger": (EXAMPLE, {"challenger": {"enabled": False}}),
    "example without stickiness": (EXAMPLE, {"stickyHeader": ""}),
}
cases = pytest.mark.parametrize(("chart", "values"), CASES.values(), ids=CASES)


@cases
def test_objects_conform_to_the_schemas(
    chart: Chart, values: dict[str, Any], tmp_path: Path
) -> None:
    definitions = of_kind(CRDS.render(), "CustomResourceDefinition")

    assert conformance.complaints(chart.render(values), definitions, tmp_path) == []


@cases
def test_helm_lint_has_nothing_to_say(chart: Chart, values: dict[str, Any]) -> None:
    assert "0 chart(s) failed" in lint(chart, values)


@cases
def test_no_object_is_rendered_twice(chart: Chart, values: dict[str, Any]) -> None:
    names = [
        (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        for o in chart.render(values)
    ]

    assert sorted(map(str, set(names))) == sorted(map(str, names))


@pytest.mark.parametrize("chart", ALL, ids=lambda chart: chart.folder.name)
def test_the_oldest_supported_kubernetes_gets_the_same(chart: Chart) -> None:
    oldest = Chart(chart.folder, OLDEST, release=chart.release, namespace=chart.namespace)

    newest = Chart(chart.folder, NEWEST, release=chart.release, namespace=chart.namespace)
    assert without_keys(oldest.render()) == without_keys(newest.render())


@pytest.mark.parametrize("chart", ALL, ids=lambda chart: chart.folder.name)
def test_an_older_kubernetes_is_refused(chart: Chart) -> None:
    with pytest.raises(RefusedError, match=r"requires kubeVersion: >=1\.30\.0-0"):
        Chart(chart.folder, "1.29.14").render()


def test_conformance_finds_a_misspelt_key(tmp_path: Path) -> None:
    objects = DOHYO.render()
    deployment = of_kind(objects, "Deployment")[0]
    deployment["spec"]["template"]["spec"]["termnationGracePeriodSeconds"] = 5

    (complaint,) = conformance.complaints(objects, [], tmp_path)

    assert "additional properties 'termnationGracePeriodSeconds' not allowed" in complaint
