"""`contract.json`: what a request may hold, field by field."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dohyo_form.errors import FormError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTRACT_FORMAT: Final = 1
NUMBER, INTEGER, BOOLEAN, CATEGORY, TEXT, DATE = (
    "number",
    "integer",
    "boolean",
    "category",
    "text",
    "date",
)
KINDS: Final = (NUMBER, INTEGER, BOOLEAN, CATEGORY, TEXT, DATE)
OTHER, REJECT = "other", "reject"
IGNORE = "ignore"
CASES: Final = ("keep", "lower", "upper")


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


# Stands in place of a default value: the field must be in the request.
REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Field:
    """One column of the request.

    Attributes:
        name: as the request spells it.
        kind: number, integer, boolean, category, text or date.
        nullable: whether null is allowed.
        default: the value of a field that is left out; REQUIRED refuses that.
        categories: the known values of a category.
        unknown: what becomes of another value: `other` passes it on, `reject` refuses it.
        strip, case: how texts are made alike before they are looked up; case keep, lower, upper.
        warn: the usual range of a number, counted when it is left; low and high, None is open.
        hard: the allowed range of a number.
        unit: of a number, for readers.
        time_zone: of a date without an offset, and the one that dates with an offset are put in.
        description: for readers.
    """

    name: str
    kind: str
    nullable: bool = False
    default: Any = REQUIRED
    categories: tuple[Any, ...] = ()
    unknown: str = OTHER
    strip: bool = False
    case: str = "keep"
    warn: tuple[float | None, float | None] = (None, None)
    hard: tuple[float | None, float | None] = (None, None)
    unit: str = ""
    time_zone: str = "UTC"
    description: str = ""


@dataclass(frozen=True)
class Contract:
    """The fields of a request in the order of the columns.

    Attributes:
        fields: the columns.
        unknown_fields: reject or ignore.
        names: of the fields.
        numeric: whether one matrix of numbers can hold every field.
    """

    fields: tuple[Field, ...]
    unknown_fields: str = REJECT
    names: tuple[str, ...] = field(init=False)
    numeric: bool = field(init=False)

    def __post_init__(self) -> None:
        kinds = {each.kind for each in self.fields}
        object.__setattr__(self, "names", tuple(each.name for each in self.fields))
        object.__setattr__(self, "numeric", kinds <= {NUMBER, INTEGER, BOOLEAN})


def contract_to_json(contract: Contract) -> dict[str, Any]:
    """The document of `contract.json`; what is usual is left out."""
    return {
        "format": CONTRACT_FORMAT,
        "unknownFields": contract.unknown_fields,
        "fields": [_field_to_json(each) for each in contract.fields],
    }


def contract_from_json(document: Mapping[str, Any]) -> Contract:
    """The inverse of `contract_to_json`.

    Raises:
        FormError: names the field and what is allowed.
    """
    known = document.get("format")
    if known != CONTRACT_FORMAT:
        raise FormError(f"contract.json: format {known!r} is unknown; this reads {CONTRACT_FORMAT}")
    unknown_fields = _one_of(
        document.get("unknownFields", REJECT), (REJECT, IGNORE), "unknownFields"
    )
    fields = tuple(
        _field_from_json(each, f"fields[{place}]")
        for place, each in enumerate(document.get("fields", ()))
    )
    names = [each.name for each in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise FormError(
            f"contract.json: fields: {', '.join(twice) or 'none'} given; name each once"
        )
    return Contract(fields, unknown_fields)


def _field_to_json(each: Field) -> dict[str, Any]:
    usual = Field(each.name, each.kind)
    written: tuple[tuple[str, Any, Any], ...] = (
        ("nullable", each.nullable, usual.nullable),
        ("categories", list(each.categories), []),
        ("unknown", each.unknown, usual.unknown),
        ("strip", each.strip, usual.strip),
        ("case", each.case, usual.case),
        ("warn", list(each.warn), [None, None]),
        ("hard", list(each.hard), [None, None]),
        ("unit", each.unit, ""),
        ("timeZone", each.time_zone, usual.time_zone),
        ("description", each.description, ""),
    )
    document: dict[str, Any] = {"name": each.name, "kind": each.kind}
    document |= {key: value for key, value, left_out in written if value != left_out}
    if each.default is not REQUIRED:
        document["default"] = each.default
    return document


def _field_from_json(document: Mapping[str, Any], place: str) -> Field:
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise FormError(f"contract.json: {place}.name: {name!r} is no name")
    place = f"{place} ({name})"
    field_ = Field(
        name=name,
        kind=_one_of(document.get("kind"), KINDS, f"{place}.kind"),
        nullable=bool(document.get("nullable", False)),
        default=document.get("default", REQUIRED),
        categories=tuple(document.get("categories", ())),
        unknown=_one_of(document.get("unknown", OTHER), (OTHER, REJECT), f"{place}.unknown"),
        strip=bool(document.get("strip", False)),
        case=_one_of(document.get("case", "keep"), CASES, f"{place}.case"),
        warn=_range(document.get("warn"), f"{place}.warn"),
        hard=_range(document.get("hard"), f"{place}.hard"),
        unit=str(document.get("unit", "")),
        time_zone=str(document.get("timeZone", "UTC")),
        description=str(document.get("description", "")),
    )
    if field_.default is None and not field_.nullable:
        raise FormError(f"contract.json: {place}.default: null needs nullable: true")
    return field_


def _range(given: Any, place: str) -> tuple[float | None, float | None]:
    if given is None:
        return (None, None)
    if (
        not isinstance(given, list)
        or len(given) != 2
        or not all(edge is None or (_is_number(edge) and math.isfinite(edge)) for edge in given)
    ):
        raise FormError(f"contract.json: {place}: {given!r} is no range; write [low, high]")
    low, high = given
    return (low, high)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_of(value: Any, allowed: tuple[str, ...], place: str) -> str:
    if value not in allowed:
        raise FormError(f"contract.json: {place}: {value!r}; choose one of {', '.join(allowed)}")
    return str(value)
