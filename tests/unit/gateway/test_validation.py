"""A table that Envoy would refuse is refused before, with its place and value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dohyo.contract import ROLE_CHALLENGER, ROLE_CHAMPION, RoutedVersion, RoutingTable
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import Compiler, Policy, World
from dohyo_gateway.validation import objections

KEY = "shop/satisfaction"
CHAMPION = RoutedVersion("v12", "satisfaction-v12-aaaaa", ROLE_CHAMPION)
CHALLENGER = RoutedVersion("v13", "satisfaction-v13-bbbbb", ROLE_CHALLENGER, ((0, 500),))
GOOD = RoutingTable(3, "1f2e3d4c", "salt.1", "x-customer-id", 30.0, 1, (CHAMPION, CHALLENGER))


def test_a_good_table() -> None:
    assert objections(KEY, GOOD) == ()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (replace(GOOD, salt="a\\1"), "salt: 'a\\\\1' must be"),
        (replace(GOOD, trial="50%"), "trial: '50%' must be"),
        (replace(GOOD, sticky_header="no header"), "stickyHeader: 'no header'"),
        (replace(GOOD, sticky_header="X-Id"), "stickyHeader: 'X-Id'"),
        (replace(GOOD, timeout_seconds=0), "timeoutSeconds: 0"),
        (replace(GOOD, timeout_seconds=float("nan")), "timeoutSeconds: nan"),
        (replace(GOOD, retries=-1), "retries: -1"),
        (replace(GOOD, versions=(CHALLENGER,)), "there must be one champion, not []"),
        (replace(GOOD, versions=(CHAMPION, CHAMPION)), "not ['v12', 'v12']"),
        (replace(GOOD, versions=(CHAMPION, CHALLENGER, CHALLENGER)), "are not unique"),
        (
            replace(GOOD, versions=(CHAMPION, replace(CHALLENGER, service="A_b"))),
            "versions['v13']: 'A_b' is no DNS label",
        ),
        (
            replace(GOOD, versions=(CHAMPION, replace(CHALLENGER, role="king"))),
            "versions['v13'].role: 'king'",
        ),
        (
            replace(GOOD, versions=(replace(CHAMPION, buckets=((1, 2),)),)),
            "versions['v12'].buckets: the champion owns",
        ),
        (
            replace(GOOD, versions=(CHAMPION, replace(CHALLENGER, buckets=((0, 9), (8, 10))))),
            "8..10 overlaps",
        ),
        (
            replace(GOOD, versions=(CHAMPION, replace(CHALLENGER, buckets=((9_999, 10_001),)))),
            "leaves 0..10000",
        ),
        (
            replace(GOOD, versions=(CHAMPION, replace(CHALLENGER, shadow=10_001))),
            "versions['v13'].shadow: 10001",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_table(table: RoutingTable, said: str) -> None:
    found = objections(KEY, table)
    assert any(said in text for text in found), found
    assert all(text.startswith(f"{KEY}: status.routing.") for text in found)


def test_an_object_whose_name_is_no_host() -> None:
    assert "no DNS label" in objections("shop/a.b", GOOD)[0]


def test_the_predecessor_of_a_bad_table_stays() -> None:
    compiler = Compiler(Policy())
    here = {ServiceName("shop", CHAMPION.service): Endpoints(http=(Address("10.0.0.1", 3000),))}
    first = compiler.compile(World({KEY: GOOD}, here))
    bad = replace(GOOD, epoch=4, salt="%")
    second = compiler.compile(World({KEY: bad, "shop/new": bad}, here))
    assert second.epochs == {KEY: 3}
    assert second.deployments == first.deployments
    assert len(compiler.objections) == 2
    third = compiler.compile(World({KEY: replace(GOOD, epoch=5)}, here))
    assert third.epochs == {KEY: 5}
    assert not compiler.objections


def test_only_what_changed_is_compiled_again() -> None:
    compiler = Compiler(Policy())
    other = "shop/other"
    first = compiler.compile(World({KEY: GOOD, other: GOOD}))
    second = compiler.compile(World({KEY: replace(GOOD, epoch=4), other: GOOD}))
    assert second.deployments[other] is first.deployments[other]
    assert second.deployments[KEY] is not first.deployments[KEY]
    service = ServiceName("shop", CHAMPION.service)
    there = {service: Endpoints(http=(Address("10.0.0.1", 3000),))}
    third = compiler.compile(World({KEY: replace(GOOD, epoch=4), other: GOOD}, there))
    assert f"{KEY}/v12/http" not in third.empty
    assert f"{KEY}/v12/http" in second.empty
