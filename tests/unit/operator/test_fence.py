"""Nothing is written once the Lease may belong to somebody else."""

from __future__ import annotations

import pytest

from dohyo.cluster.errors import LeadershipLost
from dohyo.cluster.fence import Fence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_shut_until_the_lease_is_held() -> None:
    with pytest.raises(LeadershipLost):
        Fence(Clock()).check()


def test_it_is_open_until_the_deadline() -> None:
    clock = Clock()
    fence = Fence(clock)
    fence.open_until(110.0)
    clock.now = 109.9
    fence.check()
    clock.now = 110.0
    with pytest.raises(LeadershipLost):
        fence.check()


def test_it_can_be_shut_at_once() -> None:
    fence = Fence(Clock())
    fence.open_until(110.0)
    fence.shut()
    assert not fence.is_open
