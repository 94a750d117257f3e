"""Whose requests Envoy's counts are."""

from __future__ import annotations

from typing import Any

from dohyo.contract import VersionCounters
from dohyo_gateway.admin import Reading, read_applied, read_statistics
from dohyo_gateway.bootstrap import DURATION_BOUNDS
from dohyo_gateway.ledger import Ledger, Who

KEY = "shop/satisfaction"
LIVE = f"{KEY}/v12/http"
ROLES = {KEY: {"v12": "champion", "v13": "challenger"}}


def a_reading(uptime: int = 10, **fields: Any) -> Reading:
    return Reading(uptime=uptime, **fields)


def a_ledger() -> Ledger:
    ledger = Ledger(forget_seconds=60)
    ledger.enrol(ROLES, 0.0)
    return ledger


def who(version: str, role: str) -> Who:
    return Who("shop", "satisfaction", version, role)


def test_counts_grow_by_what_is_new() -> None:
    ledger = a_ledger()
    place = (LIVE, "200")
    for at, count in ((1, 5), (2, 7), (3, 7)):
        ledger.settle(
            a_reading(at, requests={place: count}, microseconds={place: count * 500_000}), float(at)
        )
    answers = ledger.accounts[who("v12", "champion")].answers["200"]
    assert (answers.requests, answers.seconds) == (7, 3.5)
    assert ledger.counters()[KEY]["v12"] == VersionCounters(7, 3.5, 0)
    assert ledger.counters()[KEY]["v13"] == VersionCounters(0, 0.0, 0)


def test_an_envoy_that_started_anew_counts_from_zero() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(100, requests={(LIVE, "200"): 50}), 1.0)
    ledger.settle(a_reading(1, requests={(LIVE, "200"): 60}), 2.0)
    assert ledger.counters()[KEY]["v12"].requests == 110


def test_another_agents_counts_are_not_news() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(requests={(LIVE, "200"): 50}), 1.0, counts_from_zero=False)
    ledger.settle(a_reading(requests={(LIVE, "200"): 53}), 2.0)
    assert ledger.counters()[KEY]["v12"].requests == 3


def test_the_role_is_the_one_at_the_reading() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(requests={(f"{KEY}/v13/grpc", "OK"): 4}), 1.0)
    ledger.enrol({KEY: {"v13": "champion", "v12": "previous"}}, 2.0)
    ledger.settle(a_reading(requests={(f"{KEY}/v13/grpc", "OK"): 10}), 3.0)
    assert ledger.accounts[who("v13", "challenger")].answers["OK"].requests == 4
    assert ledger.accounts[who("v13", "champion")].answers["OK"].requests == 6
    assert ledger.counters()[KEY]["v13"].requests == 10


def test_a_fallback_burdens_the_champion_and_stands_against_the_challenger() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(requests={(f"{KEY}/v13/http-fallback", "200"): 3}), 1.0)
    assert ledger.accounts[who("v12", "champion")].answers["200"].requests == 3
    assert ledger.accounts[who("v13", "challenger")].fallbacks == 3
    assert ledger.counters()[KEY]["v13"].requests == 0


def test_shadow_copies_are_work_but_no_answers() -> None:
    ledger = a_ledger()
    shadow = f"{KEY}/v13/http-shadow"
    ledger.settle(a_reading(1), 1.0)
    gauges = {(shadow, "upstream_rq_total"): 8, (shadow, "upstream_rq_active"): 2}
    ledger.settle(a_reading(2, clusters=gauges), 1.5)
    assert ledger.counters()[KEY]["v13"] == VersionCounters(8, 1.0, 2)
    assert not ledger.accounts[who("v13", "challenger")].answers


def test_a_client_that_left_has_milliseconds_and_no_latency() -> None:
    ledger = a_ledger()
    place = (LIVE, "0")
    durations = {place: (1,) * len(DURATION_BOUNDS)}
    ledger.settle(
        a_reading(requests={place: 1}, microseconds={place: 500}, durations=durations), 1.0
    )
    gone = ledger.accounts[who("v12", "champion")].answers["499"]
    assert (gone.requests, gone.seconds, sum(gone.durations)) == (1, 0.5, 0)


def test_who_left_is_remembered_for_a_while() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(requests={(f"{KEY}/v13/http", "200"): 4}), 1.0)
    alone = {KEY: {"v12": "champion"}}
    ledger.enrol(alone, 10.0)
    ledger.settle(a_reading(requests={(f"{KEY}/v13/http", "200"): 5}), 11.0)
    assert ledger.accounts[who("v13", "challenger")].answers["200"].requests == 5
    assert set(ledger.counters()[KEY]) == {"v12"}
    ledger.enrol(alone, 69.0)
    assert who("v13", "challenger") in ledger.accounts
    ledger.enrol(alone, 71.0)
    assert who("v13", "challenger") not in ledger.accounts


def test_requests_for_nobody() -> None:
    ledger = a_ledger()
    ledger.settle(a_reading(requests={("-", "404"): 2}), 1.0)
    assert ledger.unrouted == {"404": 2}


def test_statistics_are_read_from_envoys_json() -> None:
    stats: list[dict[str, Any]] = [
        {"name": f"dohyo.requests.cluster.{LIVE}.code.200", "value": 4},
        {"name": f"dohyo.microseconds.cluster.{LIVE}.code.200", "value": 4100},
        {"name": f"cluster.{LIVE}.upstream_rq_active", "value": 1},
        {"name": f"cluster.{LIVE}.outlier_detection.ejections_active", "value": 0},
        {"name": "listener_manager.listener_added", "value": 1},
        {"name": "server.uptime", "value": 33},
        {
            "histograms": [
                {
                    "name": f"dohyo.duration.cluster.{LIVE}.code.200",
                    "buckets": [
                        {"upper_bound": 1000, "interval": 0, "cumulative": 3},
                        {"upper_bound": 1e15, "interval": 0, "cumulative": 4},
                    ],
                }
            ]
        },
    ]
    place = (LIVE, "200")
    assert read_statistics({"stats": stats}) == Reading(
        uptime=33,
        requests={place: 4},
        microseconds={place: 4100},
        durations={place: (3, 4)},
        clusters={
            (LIVE, "upstream_rq_active"): 1,
            (LIVE, "outlier_detection.ejections_active"): 0,
        },
        listener_changes=1,
    )


def test_applied_versions_are_read_from_envoys_lines() -> None:
    applied = read_applied(
        'cluster_manager.cds.version_text: "a.1"\n'
        "cluster_manager.cds.update_rejected: 2\n"
        'http.ingress.rds.dohyo.version_text: ""\n'
        "http.ingress.rds.dohyo.update_failure: 1\n"
    )
    assert (applied.clusters, applied.routes) == ("a.1", "")
    assert (applied.clusters_refused, applied.routes_refused) == (2, 1)
