"""What a load saw: one record per request, and what they say together."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Record(NamedTuple):
    """One request. Times are seconds since the epoch, by this machine's clock.

    `error` is empty, or `connect`, `reset`, `timeout`, `malformed`; `status` is 0 without answer.
    `fresh` tells a request on a connection of its own from one on a kept connection.
    """

    due: float
    sent: float
    done: float
    status: int
    error: str
    version: str
    entity: str
    fresh: bool

    @property
    def failed(self) -> bool:
        return bool(self.error) or self.status != 200

    @property
    def latency(self) -> float:
        """Seconds from when the request was due, so that a stalled sender hides nothing."""
        return self.done - self.due

    @property
    def outcome(self) -> str:
        """The status, or the kind of error."""
        return self.error or str(self.status)


def to_line(record: Record) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def read(path: Path) -> Records:
    """The whole lines of a file that may still be written to."""
    text = path.read_text() if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    return Records(tuple(Record(*json.loads(line)) for line in whole.splitlines()))


@dataclass(frozen=True)
class Records:
    """Records in the order in which their answers came."""

    all: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.all)

    def where(self, holds: Callable[[Record], bool]) -> Records:
        return Records(tuple(record for record in self.all if holds(record)))

    def since(self, moment: float) -> Records:
        return self.where(lambda record: record.sent >= moment)

    def between(self, start: float, end: float) -> Records:
        return self.where(lambda record: start <= record.sent < end)

    @property
    def failed(self) -> Records:
        return self.where(lambda record: record.failed)

    def outcomes(self) -> Counter[str]:
        return Counter(record.outcome for record in self.all)

    def versions(self) -> Counter[str]:
        return Counter(record.version for record in self.all if not record.failed)

    def versions_by_entity(self) -> dict[str, list[str]]:
        """The versions that each entity saw, in the order of sending, repeats left out."""
        seen: dict[str, list[str]] = {}
        for record in sorted(self.all, key=lambda r: r.sent):
            if record.failed:
                continue
            versions = seen.setdefault(record.entity, [])
            if not versions or versions[-1] != record.version:
                versions.append(record.version)
        return seen

    def lateness(self, share: float) -> float:
        """The quantile of how much later than due the requests left, in seconds."""
        return quantile((record.sent - record.due for record in self.all), share)

    def latency(self, share: float) -> float:
        """The quantile of the latency of answered requests, in seconds."""
        return quantile((record.latency for record in self.all if not record.error), share)

    def failures_in_words(self) -> str:
        """How many failed, how, on which connections and within which seconds."""
        failed = self.failed
        if not failed:
            return f"0 of {len(self)} requests failed"
        began = min(record.sent for record in self.all)
        moments = [record.sent - began for record in failed.all]
        kinds = ", ".join(f"{n} x {kind}" for kind, n in failed.outcomes().most_common())
        fresh = sum(record.fresh for record in failed.all)
        return (
            f"{len(failed)} of {len(self)} requests failed ({kinds}; {fresh} on new connections)"
            f" between {min(moments):.1f} s and {max(moments):.1f} s after the start"
        )


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed.

    Raises:
        ValueError: there are no values, or the share is not within 0 to 1.
    """
    ordered = sorted(values)
    if not ordered or not 0 <= share <= 1:
        raise ValueError(f"no quantile {share} of {len(ordered)} values")
    rank = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[rank]
