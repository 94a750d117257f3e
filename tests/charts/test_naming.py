"""Names of what a release makes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.rendering import DOHYO, Chart, of_kind

CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "the usual name": ("dohyo", {}, "dohyo-operator"),
    "a name that holds the chart's": ("my-dohyo", {}, "my-dohyo-operator"),
    "another name": ("serving", {}, "serving-dohyo-operator"),
    "name replaced": ("serving", {"nameOverride": "ring"}, "serving-ring-operator"),
    "all replaced": ("serving", {"fullnameOverride": "arena"}, "arena-operator"),
}


@pytest.mark.parametrize(("release", "values", "expected"), CASES.values(), ids=list(CASES))
def test_name_of_the_operator(release: str, values: dict[str, Any], expected: str) -> None:
    chart = Chart(DOHYO.folder, release=release)
    names = [d["metadata"]["name"] for d in of_kind(chart.render(values), "Deployment")]

    assert expected in names


def test_the_longest_release_name_still_gives_names_that_kubernetes_takes() -> None:
    chart = Chart(DOHYO.folder, release="r" * 53)

    assert max(len(o["metadata"]["name"]) for o in chart.render()) <= 63


def test_two_releases_share_no_object() -> None:
    names = [
        {(o["kind"], o["metadata"]["name"]) for o in Chart(DOHYO.folder, release=r).render()}
        for r in ("one", "two")
    ]

    assert names[0].isdisjoint(names[1])
