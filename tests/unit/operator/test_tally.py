"""Counters of gateway pods that come, go, restart and keep silent."""

from __future__ import annotations

import pytest

from dohyo.cluster.tally import Tally
from dohyo.contract import GatewayReport, VersionCounters

MD = "shop/churn"


def report(
    pod: str, requests: int, seconds: float = 0.0, *, incarnation: str = "a", epoch: int = 1
) -> GatewayReport:
    counters = {MD: {"v1": VersionCounters(requests, seconds, 0)}}
    return GatewayReport(pod, incarnation, {MD: epoch}, counters)


def looked(*looks: dict[str, GatewayReport | None], every: float = 2.0) -> Tally:
    tally = Tally(keep_seconds=100.0)
    for number, reports in enumerate(looks):
        tally.add(reports, 1000.0 + number * every)
    return tally


def last_rate(tally: Tally) -> float:
    sample = tally.load(MD)["v1"].samples[-1]
    return sample.requests / sample.span


def test_rates_of_all_pods_add_up() -> None:
    tally = looked(
        {"a": report("a", 100, 5.0), "b": report("b", 0)},
        {"a": report("a", 120, 9.0), "b": report("b", 60, 1.0)},
    )
    sample = tally.load(MD)["v1"].samples[-1]
    assert sample.requests == pytest.approx(80)
    assert sample.busy == pytest.approx(5.0)


def test_the_first_look_counts_nothing() -> None:
    tally = looked({"a": report("a", 100_000)})
    assert tally.load(MD) == {}


def test_a_new_pod_brings_no_past() -> None:
    tally = looked(
        {"a": report("a", 0)},
        {"a": report("a", 20)},
        {"a": report("a", 40), "b": report("b", 1_000_000)},
    )
    assert last_rate(tally) == pytest.approx(10)


def test_counters_that_began_anew_count_from_zero() -> None:
    tally = looked({"a": report("a", 1000)}, {"a": report("a", 30, incarnation="b")})
    assert last_rate(tally) == pytest.approx(15)


def test_a_silent_pod_goes_on_as_before_and_is_not_counted_twice() -> None:
    tally = looked(
        {"a": report("a", 0)},
        {"a": report("a", 20)},
        {"a": None},
        {"a": report("a", 60)},
    )
    assert [s.requests for s in tally.load(MD)["v1"].samples] == pytest.approx([20, 20, 20])


def test_a_pod_that_stays_silent_counts_no_more() -> None:
    silence: list[dict[str, GatewayReport | None]] = [{"a": None}] * 8
    tally = looked({"a": report("a", 0)}, {"a": report("a", 20)}, *silence)
    assert last_rate(tally) == 0
    assert tally.epoch("a", MD) is None


def test_a_pod_that_is_gone_counts_no_more() -> None:
    tally = looked({"a": report("a", 0)}, {"a": report("a", 20)}, {})
    assert last_rate(tally) == 0


def test_epochs_are_those_of_the_last_answer() -> None:
    tally = looked({"a": report("a", 0, epoch=1)}, {"a": report("a", 0, epoch=2)}, {"a": None})
    assert tally.epoch("a", MD) == 2
    assert tally.epoch("b", MD) is None


def test_activity_ends_after_what_scaling_looks_back_to() -> None:
    tally = Tally(keep_seconds=20.0)
    assert not tally.is_active(MD)
    for second in range(0, 60, 2):
        requests = min(second, 10)
        tally.add({"a": report("a", requests)}, 1000.0 + second)
        if second == 12:
            assert tally.is_active(MD)
    assert not tally.is_active(MD)


def test_idle_versions_that_nobody_counts_are_forgotten() -> None:
    tally = Tally(keep_seconds=10.0)
    tally.add({"a": report("a", 0)}, 0.0)
    tally.add({"a": report("a", 5)}, 2.0)
    empty = GatewayReport("a", "a", {}, {})
    for second in range(4, 20, 2):
        tally.add({"a": empty}, float(second))
    assert tally.load(MD) == {}
