"""What is tried again, how often, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dohyo_serving.fetch.errors import FetchError, TemporaryError
from dohyo_serving.fetch.patience import Patience


@dataclass
class Time:
    """Passes only while somebody sleeps or works."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def patience(self, seconds: float = 60.0) -> Patience:
        return Patience(seconds, lambda: self.now, self.sleep, lambda: 0.5, self.lines.append)


@dataclass
class Attempts:
    """Fails as it is told to, then succeeds."""

    failures: list[FetchError]
    time: Time
    work_seconds: float = 0.0

    def __call__(self) -> str:
        self.time.now += self.work_seconds
        if self.failures:
            raise self.failures.pop(0)
        return "there"


def test_waits_grow_and_what_the_server_asks_for_is_kept() -> None:
    time = Time()
    failures: list[FetchError] = [TemporaryError("a"), TemporaryError("b", 7), TemporaryError("c")]
    assert time.patience().with_retries(Attempts(failures, time)) == "there"
    assert time.waits == [1, 7, 4]
    assert time.lines == ["a; again in 1 s", "b; again in 7 s", "c; again in 4 s"]


def test_what_is_final_is_not_tried_again() -> None:
    time = Time()
    with pytest.raises(FetchError, match="never"):
        time.patience().with_retries(Attempts([FetchError("never")], time))
    assert time.waits == []


def test_it_is_given_up_in_bounded_time() -> None:
    time = Time()
    endless: list[FetchError] = [TemporaryError("away") for _ in range(1000)]
    with pytest.raises(FetchError, match=r"away \(given up after \d+ attempts\)"):
        time.patience().with_retries(Attempts(endless, time))
    assert time.now <= 60
    assert len(time.waits) < 10


def test_a_long_download_that_breaks_begins_anew() -> None:
    time = Time()
    failures: list[FetchError] = [TemporaryError("broke"), TemporaryError("broke")]
    assert time.patience(10).with_retries(Attempts(failures, time, work_seconds=100)) == "there"
