"""Waiting ends with what was seen, or with a last word about it."""

from __future__ import annotations

import itertools

import pytest

from tests.harness.ports import free_ports
from tests.harness.until import always, until, until_async


def test_it_returns_what_satisfied_it() -> None:
    numbers = itertools.count()
    assert until("three", lambda: next(numbers), (3).__eq__, seconds=5, every=0) == 3


def test_a_thing_of_another_kind_does_not_satisfy_it() -> None:
    seen = iter([None, "200"])
    assert until("it answers", lambda: next(seen), "200".__eq__, seconds=5, every=0) == "200"


def test_it_says_what_was_seen_instead() -> None:
    with pytest.raises(AssertionError, match="not true within 0 s: never; last seen: 7"):
        until("never", lambda: 7, (8).__eq__, seconds=0)


async def test_what_is_awaited_is_waited_for_alike() -> None:
    numbers = itertools.count()

    async def look() -> int:
        return next(numbers)

    assert await until_async("three", look, (3).__eq__, seconds=5, every=0) == 3
    with pytest.raises(AssertionError, match="last seen: 4"):
        await until_async("never", look, (0).__eq__, seconds=0)


def test_what_must_stay_is_looked_at_until_the_end() -> None:
    numbers = itertools.count()
    with pytest.raises(AssertionError, match="stopped being true: below one; seen: 1"):
        always("below one", lambda: next(numbers), lambda n: n < 1, seconds=5)


def test_ports_are_all_different() -> None:
    assert len(set(free_ports(20))) == 20
