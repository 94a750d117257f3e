"""When a schedule is due: the five fields of cron, as Kubernetes' CronJob reads them.

cronsim reads the fields and finds the times. What it has of another cron than Kubernetes is
spelt out for it or refused here: its Sunday 7, its L and #, and what a star with a step means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS: Final = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of the month": (1, 31),
    "month": (1, 12),
    "day of the week": (0, 6),
}
_TERM: Final = re.compile(r"([*?]|[a-z]{3}|\d+)(?:-([a-z]{3}|\d+))?(?:/(\d+))?")
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Schedule:
    """Minutes at which something is due.

    Attributes:
        fields: for cronsim, with a first one of seconds: without it, it would catch up times
            that the clock skips, and Kubernetes leaves them out.
    """

    fields: str

    def next_after(self, moment: datetime, zone: str | None) -> datetime | None:
        """The first minute after a moment, in UTC; None when there is none within 50 years.

        Also None for a zone that this machine does not know.

        A local time that the clock skips is left out, and one that comes twice counts twice.

        Args:
            moment: aware.
            zone: in which the fields are read; None is UTC.
        """
        place = _zone(zone) if zone else UTC
        if place is None:
            return None
        due = next(CronSim(self.fields, moment.astimezone(place)), None)
        return None if due is None else due.astimezone(UTC)


def schedule_of(text: str) -> Schedule:
    """Reads a schedule.

    Raises:
        ValueError: says which field is wrong and what it may be.
    """
    fields = _MACROS.get(text.strip().lower(), text).lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"has {len(fields)} fields; write five: minute, hour, day of the month, month, day "
            'of the week, as in "0 6 * * 1"'
        )
    given = dict(zip(_FIELDS, fields, strict=True))
    spelt = " ".join(["0", *(_spelt(value, what) for what, value in given.items())])
    try:
        CronSim(spelt, _ANY_DAY)
    except CronSimError as error:
        what = str(error).removeprefix("Bad ").replace("-of-", " of the ")
        raise _refused(given[what], what) from error
    return Schedule(spelt)


def knows_zone(name: str) -> bool:
    """Whether there is such a time zone; also true where this machine knows none at all."""
    return _zone(name) is not None or not available_timezones()


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _spelt(text: str, what: str) -> str:
    """A field as cronsim and Kubernetes understand alike."""
    last = _FIELDS[what][1]
    terms = []
    for term in text.split(","):
        match = _TERM.fullmatch(term)
        if match is None or str(last + 1) in match.groups()[:2]:
            raise _refused(term, what)
        begin, end, step = match.groups()
        if begin in "*?":
            # For Kubernetes a star with a step is a choice of days, no longer all of them.
            whole = step is None or int(step) == 1
            begin, end = ("*", None) if whole else (str(_FIELDS[what][0]), str(last))
            step = None if whole else step
        elif step is not None and end is None:
            end = str(last)
        terms.append(begin + (f"-{end}" if end else "") + (f"/{step}" if step else ""))
    # Whoever looks for a star looks at the beginning.
    return ",".join(sorted(terms, key=lambda each: each != "*"))


def _refused(text: str, what: str) -> ValueError:
    low, high = _FIELDS[what]
    return ValueError(f"has the {what} {text!r}; write {low} to {high}, *, a-b or */n")
