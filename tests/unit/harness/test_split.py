"""The rule of the split, and how likely a count is under it."""

from __future__ import annotations

import pytest

from dohyo.contract import BUCKETS, ROLE_CHALLENGER, ROLE_CHAMPION, RoutedVersion, RoutingTable
from tests.harness import split

XXH64_SLASH = 0xE89CD67289EDDAEA
XXH64_SALTED = 0x50C123B06BB56927

TABLE = RoutingTable(
    epoch=1,
    trial="t",
    salt="s",
    sticky_header="x-entity-id",
    timeout_seconds=30,
    retries=1,
    versions=(
        RoutedVersion("v1", "m-v1", ROLE_CHAMPION),
        RoutedVersion("v2", "m-v2", ROLE_CHALLENGER, ((0, 1000), (3000, 4000))),
        RoutedVersion("v3", "m-v3", ROLE_CHALLENGER, ((5000, 5001),)),
    ),
)


def test_the_bucket_is_xxh64_of_salt_and_entity() -> None:
    # Reference values of XXH64 with seed 0 for "/" and "s/entity-000001".
    assert split.bucket("", "") == XXH64_SLASH % BUCKETS
    assert split.bucket("s", "entity-000001") == XXH64_SALTED % BUCKETS


def test_an_entity_belongs_to_whoever_owns_its_bucket() -> None:
    owners = {split.bucket("s", f"e{n}"): split.owner(TABLE, f"e{n}") for n in range(20_000)}
    for place, owner in owners.items():
        if place < 1000 or 3000 <= place < 4000:
            assert owner == "v2"
        elif place == 5000:
            assert owner == "v3"
        else:
            assert owner == "v1"


@pytest.mark.parametrize(
    ("counts", "at_least", "at_most"),
    [
        ({"v1": 900, "v2": 100}, 0.99, 1.0),
        ({"v1": 880, "v2": 120}, 0.01, 0.1),
        ({"v1": 500, "v2": 500}, 0.0, 1e-9),
        ({"v1": 1000}, 0.0, 1e-9),
    ],
)
def test_chance_falls_with_the_distance_from_the_shares(
    counts: dict[str, int], at_least: float, at_most: float
) -> None:
    assert at_least <= split.chance(counts, {"v1": 90, "v2": 10, "v3": 0}) <= at_most


def test_a_version_without_a_share_that_was_seen_is_an_error() -> None:
    with pytest.raises(ValueError, match="v3"):
        split.chance({"v1": 1, "v3": 1}, {"v1": 90, "v2": 10, "v3": 0})
