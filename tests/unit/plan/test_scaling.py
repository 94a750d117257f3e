"""Replicas by load, by share, and within limits."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.defaults import EffectiveScaling
from dohyo.contract import BUCKETS
from dohyo.plan.load import Load, Sample
from dohyo.plan.scaling import Demand, size, total_load
from dohyo.plan.settings import ScalingWindows

WINDOWS = ScalingWindows(stable=60, panic=6, scale_down_delay=30)
NOW = 1000.0


def a_scaling(**fields: Any) -> EffectiveScaling:
    defaults = {"min_replicas": 1, "max_replicas": 8, "metric": "rps", "target": 100.0}
    return EffectiveScaling(**{**defaults, "idle_seconds": 300, **fields})


def a_load(*rates: tuple[float, float]) -> Load:
    """Requests per second over spans of the past, as (seconds, rate), oldest first."""
    load, at = Load(), NOW - sum(seconds for seconds, _ in rates)
    for seconds, rate in rates:
        for _ in range(int(seconds / 2)):
            at += 2
            load = load.add(Sample(at, 2, 2 * rate, 2 * rate / 50), 600)
    return load


def replicas_for(load: Load, replicas: int, share: int = BUCKETS, **scaling: Any) -> int:
    total = total_load("rps", {"v12": load}, WINDOWS.stable, NOW)
    return size(Demand(a_scaling(**scaling), load, share, replicas), total, WINDOWS, NOW).replicas


@pytest.mark.parametrize(
    ("load", "replicas", "expected"),
    [
        pytest.param(a_load((120, 250)), 1, 3, id="follows the stable window up"),
        pytest.param(a_load((120, 250)), 3, 3, id="rests where it fits"),
        pytest.param(a_load((120, 5000)), 3, 8, id="never above the maximum"),
        pytest.param(a_load((120, 0)), 3, 1, id="falls when less was enough for long"),
        pytest.param(a_load((100, 250), (20, 0)), 3, 3, id="waits before it falls"),
        pytest.param(a_load((60, 250), (60, 0)), 3, 2, id="falls to the most it needed lately"),
        pytest.param(a_load((60, 0)), 3, 3, id="does not fall on a window it has not seen"),
        pytest.param(a_load((120, 90), (6, 450)), 2, 5, id="panics when load doubles"),
        pytest.param(a_load((120, 190), (6, 0)), 2, 2, id="does not panic downwards"),
        pytest.param(Load(), 3, 3, id="knows nothing, changes nothing"),
    ],
)
def test_by_load(load: Load, replicas: int, expected: int) -> None:
    assert expected == replicas_for(load, replicas)


def test_a_version_is_as_large_as_its_coming_share_needs() -> None:
    champion = a_load((120, 800))
    demand = Demand(a_scaling(), Load(), BUCKETS // 2, 1)
    total = total_load("rps", {"v12": champion}, WINDOWS.stable, NOW)
    assert size(demand, total, WINDOWS, NOW).replicas == 4


def test_the_autoscalers_number_is_passed_on_but_not_below_the_floor() -> None:
    demand = Demand(a_scaling(metric="cpu", min_replicas=2), Load(), BUCKETS, 5)
    assert size(demand, 0.0, WINDOWS, NOW).replicas == 5
    small = Demand(a_scaling(metric="cpu", min_replicas=2), Load(), BUCKETS, 1)
    assert size(small, 0.0, WINDOWS, NOW).replicas == 2


def test_concurrency_is_request_seconds_over_time() -> None:
    load = a_load((120, 500))
    assert load.concurrency(NOW, 60) == pytest.approx(10)
    assert load.rate(NOW, 60) == pytest.approx(500)
