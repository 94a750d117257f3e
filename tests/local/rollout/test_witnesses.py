"""What the operator asks itself: a real Prometheus, and the text of a real gateway agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client import generate_latest

from charts.schema.alerts import ALERTS
from charts.schema.dashboard import PANELS
from dohyo.cluster.evidence import Inquirer, Sources
from dohyo.cluster.witnesses import latencies, measured
from dohyo.verdict.inquiry import Inquiry, Query
from tests.harness.prometheus import Prometheus, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


async def asked(url: str, text: str) -> tuple[float | None, str]:
    async with aiohttp.ClientSession() as session:
        found = await measured(session, url, Query("v13", "custom", text))
    return found.value, found.problem


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("up", 1.0, ""),
        ("scalar(up)", 1.0, ""),
        ("sum(up) * 0.25", 0.25, ""),
        ("up == 0", None, ""),
        ("sum(up) / 0 * 0", None, ""),
        ("nothing_of_that_name", None, ""),
        ("up[1m]", None, "the query gives a matrix, not one number; aggregate it"),
        ("sum(", None, "Prometheus refuses the query: invalid parameter"),
        ('{job="itself"}', None, "series, not one number; aggregate it"),
    ],
)
async def test_one_number_or_why_there_is_none(
    server: Prometheus, text: str, value: float | None, problem: str
) -> None:
    found = await asked(server.url, text)
    assert found[0] == value
    assert problem in found[1]
    assert bool(problem) == bool(found[1])


@pytest.mark.parametrize("query", [a.expression for a in ALERTS] + [p.query for p in PANELS])
async def test_every_query_of_alerts_and_dashboard_is_understood(
    server: Prometheus, query: str
) -> None:
    for variable, value in (("$__rate_interval", "1m"), ("$namespace", ".+"), ("$model", "m")):
        query = query.replace(variable, value)
    assert await asked(server.url, query) in ((None, ""), (1.0, ""), (0.0, ""))


async def test_a_server_that_is_away_is_named() -> None:
    value, problem = await asked("http://127.0.0.1:9", "up")
    assert value is None
    assert problem.startswith("Prometheus at http://127.0.0.1:9: ")


async def test_an_inquirer_asks_both_and_remembers(server: Prometheus) -> None:
    """No evidence service listens there: that is told, and the query is answered all the same."""
    inquirer = Inquirer(Sources(prometheus=server.url), lambda: (), lambda: 0.0)
    assert not inquirer.known("shop/satisfaction").asked
    about = Inquiry("shop", "satisfaction", queries=(Query("v13", "custom", "sum(up)"),))
    inquirer.inquire("shop/satisfaction", about)
    async with aiohttp.ClientSession() as session:
        await inquirer.look(session)
        known = inquirer.known("shop/satisfaction")
        assert known.asked
        assert known.measured["v13", "custom"].value == 1.0
        await inquirer.look(session)
        assert inquirer.known("shop/satisfaction") is known
        inquirer.inquire("shop/satisfaction", None)
        assert not inquirer.known("shop/satisfaction").asked


async def test_histograms_of_all_gateway_pods_add_up() -> None:
    from prometheus_client import CollectorRegistry, Histogram  # noqa: PLC0415

    registry = CollectorRegistry()
    histogram = Histogram(
        "dohyo_gateway_request_duration_seconds",
        "as the agent tells it",
        ("namespace", "modeldeployment", "version", "role", "code"),
        buckets=(0.1, 0.2, 0.4),
        registry=registry,
    )
    for seconds, count in ((0.05, 50), (0.15, 40), (0.3, 10)):
        for code in ("200", "503"):
            labelled = histogram.labels("shop", "satisfaction", "v12", "champion", code)
            for _ in range(count):
                labelled.observe(seconds)
    histogram.labels("shop", "other", "v12", "champion", "200").observe(0.3)
    text = generate_latest(registry).decode()
    found = latencies([text, text], "shop", "satisfaction")
    assert found.keys() == {"v12"}
    assert found["v12"].total == 400
    assert found["v12"].quantile(0.5) == pytest.approx(0.1)
    assert found["v12"].quantile(0.95) == pytest.approx(0.3)
