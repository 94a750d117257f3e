"""Quantities and metrics are read as Kubernetes and Prometheus write them."""

from __future__ import annotations

import pytest

from tests.harness.usage import asked, quantity, sample


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2.0), ("50m", 0.05), ("256Mi", 256 * 2**20), ("1.5Gi", 1.5 * 2**30), (None, 0.0)],
)
def test_a_quantity_is_a_number(text: str | None, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "much", "1Zz", "-1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    if text:
        with pytest.raises(ValueError, match="quantity"):
            quantity(text)
    else:
        assert quantity(text) == 0.0


def test_pods_ask_for_the_sum_of_their_living_containers() -> None:
    def pod(phase: str, *requests: str) -> dict[str, object]:
        containers = [{"resources": {"requests": {"cpu": cpu}}} for cpu in requests]
        return {"status": {"phase": phase}, "spec": {"containers": [*containers, {}]}}

    pods = [pod("Running", "100m", "1"), pod("Pending", "2"), pod("Succeeded", "4")]
    assert asked(pods, "cpu") == pytest.approx(3.1)


def test_a_metric_is_found_by_its_whole_name() -> None:
    text = "# TYPE a counter\nab 7\na 1.5e3\na_total 9\n"
    assert sample(text, "a") == 1500.0
    with pytest.raises(ValueError, match="no metric b"):
        sample(text, "b")
