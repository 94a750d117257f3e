"""One value of a request: whether its field allows it, and what the row program gets.

Numbers, integers and booleans become floats, categories and texts stay, dates become naive
datetimes in the field's time zone, null becomes None.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dohyo_form.contract import BOOLEAN, CATEGORY, DATE, INTEGER, NUMBER, REJECT, Field
from dohyo_form.errors import FormError

if TYPE_CHECKING:
    from collections.abc import Callable

# Of values and categories in a message.
MOST_SHOWN: Final = 12
# Of a number without limits of its own: what single precision holds. Beyond it trees see an
# infinity and sums overflow, so that a model has no answer.
LARGEST: Final = 3.4e38


class InvalidValueError(Exception):
    """A value that its field does not allow: a word for metrics, and what is allowed."""

    def __init__(self, kind: str, allowed: str) -> None:
        super().__init__(allowed)
        self.kind = kind
        self.allowed = allowed


def limits(field: Field) -> tuple[float, float]:
    """The allowed range of a number; infinities are never in it."""
    low, high = field.hard
    return (-LARGEST if low is None else low, LARGEST if high is None else high)


def reader(field: Field) -> Callable[[Any], Any]:
    """The function that reads a value of the field; it raises InvalidValueError."""
    read: Callable[[Any], Any]
    if field.kind in (NUMBER, INTEGER):
        read = _number_reader(field)
    elif field.kind == BOOLEAN:
        read = _read_boolean
    elif field.kind == DATE:
        read = _date_reader(field)
    else:
        read = _text_reader(field)
    if not field.nullable:
        return read

    def read_nullable(value: Any) -> Any:
        # Protocols without null send not-a-number.
        return None if value is None or value != value else read(value)  # noqa: PLR0124

    return read_nullable


def _number_reader(field: Field) -> Callable[[Any], float]:
    low, high = limits(field)
    whole = field.kind == INTEGER

    def read(value: Any) -> float:
        if type(value) not in (float, int):
            raise InvalidValueError("type", "an integer" if whole else "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise InvalidValueError("range", "a finite number")
        if not low <= number <= high:
            raise InvalidValueError("range", _range_in_words(field, number))
        if whole and not number.is_integer():
            raise InvalidValueError("type", "an integer")
        return number

    return read


def _read_boolean(value: Any) -> float:
    if value is True:
        return 1.0
    if value is False:
        return 0.0
    raise InvalidValueError("type", "true or false")


def _date_reader(field: Field) -> Callable[[Any], datetime]:
    try:
        zone = ZoneInfo(field.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise FormError(
            f"contract.json: {field.name}.timeZone: {field.time_zone!r} is no time zone; "
            "name one such as UTC or Europe/Berlin"
        ) from error

    def read(value: Any) -> datetime:
        if type(value) is not str:
            raise InvalidValueError("type", "a date such as 2026-11-25 or 2026-11-25T10:00:00Z")
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                moment = moment.astimezone(zone).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise InvalidValueError(
                "format", "a date such as 2026-11-25 or 2026-11-25T10:00:00Z"
            ) from None
        return moment

    return read


def _text_reader(field: Field) -> Callable[[Any], Any]:
    known = {(type(each), each) for each in field.categories}
    types = {type(each) for each in field.categories} or {str}
    closed = field.kind == CATEGORY and field.unknown == REJECT
    fold = {"lower": str.lower, "upper": str.upper}.get(field.case)
    strip = field.strip
    if not closed and types == {str} and not strip and fold is None:
        return _read_text

    def read(value: Any) -> Any:
        if type(value) not in types:
            raise InvalidValueError("type", _categories_in_words(field) if closed else "a text")
        if type(value) is str:
            if strip:
                value = value.strip()
            if fold is not None:
                value = fold(value)
        if closed and (type(value), value) not in known:
            raise InvalidValueError("category", _categories_in_words(field))
        return value

    return read


def _read_text(value: Any) -> str:
    if type(value) is str:
        return value
    raise InvalidValueError("type", "a text")


def _range_in_words(field: Field, number: float) -> str:
    low, high = field.hard
    unit = f" {field.unit}" if field.unit else ""
    if abs(number) > LARGEST and (low is None or high is None):
        low, high = limits(field)
        return f"a number from {low:g} to {high:g}{unit}"
    if low is None:
        return f"a number up to {high}{unit}"
    if high is None:
        return f"a number from {low}{unit} on"
    return f"a number from {low} to {high}{unit}"


def _categories_in_words(field: Field) -> str:
    shown = ", ".join(map(repr, field.categories[:MOST_SHOWN]))
    more = len(field.categories) - MOST_SHOWN
    return f"one of {shown}" + (f" and {more} more" if more > 0 else "")
