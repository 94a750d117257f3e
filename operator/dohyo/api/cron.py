"""When a schedule is due: the five fields of cron, as Kubernetes' CronJob reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# Field, its limits, and the names that it knows.
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
# 29 February may be eight years away.
_HORIZON_DAYS: Final = 3000


@dataclass(frozen=True)
class Schedule:
    """Minutes at which something is due.

    Attributes:
        minutes, hours, days, months, weekdays: allowed values; Sunday is 0.
        any_day, any_weekday: whether the field is `*`: a day must match both fields then, and one
            of them otherwise, as in every cron.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def is_on(self, day: datetime) -> bool:
        """Whether something may be due on that day."""
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday

    def next_after(self, moment: datetime, zone: str | None) -> datetime | None:
        """The first minute after a moment, in UTC; None when there is none within 8 years.

        Also None for a zone that this machine does not know.

        A local time that the clock skips is left out, and one that comes twice counts once.

        Args:
            moment: aware.
            zone: in which the fields are read; None is UTC.
        """
        place = _zone(zone) if zone else UTC
        if place is None:
            return None
        local = moment.astimezone(place)
        day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for _ in range(_HORIZON_DAYS):
            if self.is_on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        due = day.replace(hour=hour, minute=minute, tzinfo=place).astimezone(UTC)
                        back = due.astimezone(place)
                        if due > moment and (back.hour, back.minute) == (hour, minute):
                            return due
            day += timedelta(days=1)
        return None


def schedule_of(text: str) -> Schedule:
    """Reads a schedule.

    Raises:
        ValueError: says which field is wrong and what it may be.
    """
    expanded = _MACROS.get(text.strip().lower(), text)
    fields = expanded.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"has {len(fields)} fields; write five: minute, hour, day of the month, month, day "
            'of the week, as in "0 6 * * 1"'
        )
    values = [_field(part, *known) for part, known in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    return Schedule(
        *(minutes, hours, days, months, weekdays),
        any_day=fields[2][0] in "*?",
        any_weekday=fields[4][0] in "*?",
    )


def knows_zone(name: str) -> bool:
    """Whether there is such a time zone; also true where this machine knows none at all."""
    return _zone(name) is not None or not available_timezones()


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _field(text: str, what: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        match = re.fullmatch(r"([*?]|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if match is None:
            raise ValueError(f"has the {what} {part!r}; write {low} to {high}, *, a-b or */n")
        first, last, step = match.groups()
        if first in "*?":
            start, end = low, high
        else:
            start = _number(first, what, low, high, names)
            end = _number(last, what, low, high, names) if last else start
            if last is None and step:
                end = high
        if end < start or step == "0":
            raise ValueError(f"has the {what} {part!r}, which is never; write {low} to {high}")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, what: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text)
    if value is None:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"has the {what} {text!r}; write {low} to {high}")
        value = int(text)
    return value
