"""A wrong value is refused before anything is installed, and the message names it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.rendering import DOHYO, EXAMPLE, Chart, RefusedError, without_keys

REFUSED = {
    "unknown key at the top": (DOHYO, {"operater": {}}, "additional properties 'operater'"),
    "unknown key inside": (
        DOHYO,
        {"gateway": {"envoy": {"threads": 2}}},
        "at '/gateway/envoy': additional properties 'threads'",
    ),
    "text for a number": (
        DOHYO,
        {"operator": {"replicas": "two"}},
        "at '/operator/replicas': got string, want integer",
    ),
    "no gateway pods": (DOHYO, {"gateway": {"replicas": 0}}, "at '/gateway/replicas'"),
    "unknown Service type": (
        DOHYO,
        {"gateway": {"service": {"type": "ExternalName"}}},
        "at '/gateway/service/type': value must be one of 'ClusterIP'",
    ),
    "namespace that is no name": (
        DOHYO,
        {"watchNamespaces": ["Shop"]},
        "at '/watchNamespaces/0'",
    ),
    "namespace named twice": (
        DOHYO,
        {"watchNamespaces": ["shop", "shop"]},
        "at '/watchNamespaces': items at 0 and 1 are equal",
    ),
    "quantity that is none": (
        DOHYO,
        {"operator": {"resources": {"limits": {"memory": "1 GB"}}}},
        "at '/operator/resources/limits/memory'",
    ),
    "digest that is none": (
        DOHYO,
        {"operator": {"image": {"digest": "latest"}}},
        "at '/operator/image/digest'",
    ),
    "variable without a name": (
        DOHYO,
        {"operator": {"extraEnv": [{"value": "1"}]}},
        "missing property 'name'",
    ),
    "weight above 100": (EXAMPLE, {"challenger": {"weight": 120}}, "at '/challenger/weight'"),
    "bento without version": (
        EXAMPLE,
        {"champion": {"bento": "breast-cancer"}},
        "at '/champion/bento'",
    ),
}


@pytest.mark.parametrize(("chart", "values", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_value_is_refused(chart: Chart, values: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values)

    assert message in str(refused.value)


def test_values_of_a_parent_chart_are_accepted() -> None:
    given = DOHYO.render({"global": {"anything": True}})
    assert without_keys(given) == without_keys(DOHYO.render())
