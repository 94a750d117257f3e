"""Shares of the line: exact, disjoint, and moving as few entities as possible."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.contract import BUCKETS
from dohyo.plan.buckets import Intervals, allocate, size
from tests.harness import split

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENTITIES = 1_000_000
POINT = ENTITIES // 100


def buckets(intervals: Intervals) -> set[int]:
    return {b for start, end in intervals for b in range(start, end)}


shares = st.dictionaries(
    st.sampled_from(["v1", "v2", "v3", "v4"]), st.integers(0, BUCKETS // 4), max_size=4
)
histories = st.lists(shares, min_size=1, max_size=6)


@given(histories)
def test_every_challenger_owns_exactly_its_share_and_nobody_elses(
    history: list[dict[str, int]],
) -> None:
    owned: dict[str, Intervals] = {}
    for wanted in history:
        owned = allocate(owned, wanted)
        assert {name: size(i) for name, i in owned.items()} == wanted
        assert len(set().union(*map(buckets, owned.values()))) == sum(wanted.values())


@given(histories)
def test_a_change_of_share_moves_only_what_it_must(history: list[dict[str, int]]) -> None:
    owned: dict[str, Intervals] = {}
    for wanted in history:
        before, owned = owned, allocate(owned, wanted)
        for name in owned:
            was, now = buckets(before.get(name, ())), buckets(owned[name])
            assert was <= now or now <= was


def test_raising_from_10_to_20_percent_keeps_the_first_10() -> None:
    first = allocate({}, {"v13": 1000})
    assert allocate(first, {"v13": 2000}) == {"v13": ((0, 2000),)}


def test_two_challengers_grow_around_each_other() -> None:
    first = allocate({}, {"v13": 1000, "v14": 500})
    assert allocate(first, {"v13": 2000, "v14": 500}) == {
        "v13": ((0, 1000), (1500, 2500)),
        "v14": ((1000, 1500),),
    }


def test_more_than_everything_is_refused_with_the_shares() -> None:
    with pytest.raises(ValueError, match="more than 10000"):
        allocate({}, {"v13": 6000, "v14": 6000})


@cache
def hashed() -> NDArray[np.int64]:
    """How many of a million entities each bucket has."""
    places = np.fromiter((split.bucket("t1", f"customer-{n}") for n in range(ENTITIES)), np.int64)
    return np.bincount(places, minlength=BUCKETS)


def entities(intervals: Intervals) -> int:
    return sum(int(hashed()[start:end].sum()) for start, end in intervals)


@pytest.mark.parametrize("percents", [(1,), (10,), (30, 10)])
def test_of_a_million_entities_each_version_gets_its_share(percents: tuple[int, ...]) -> None:
    owned = allocate({}, {f"v{n}": percent * 100 for n, percent in enumerate(percents)})
    for n, percent in enumerate(percents):
        assert abs(entities(owned[f"v{n}"]) - percent * POINT) <= POINT / 10


def test_ten_more_percent_move_as_many_entities_and_none_back() -> None:
    before = allocate({}, {"v13": 1000})
    after = allocate(before, {"v13": 2000})
    assert buckets(before["v13"]) < buckets(after["v13"])
    moved = entities(after["v13"]) - entities(before["v13"])
    assert abs(moved - 10 * POINT) <= POINT / 10
