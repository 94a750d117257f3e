"""Dataclasses ⇄ JSON: camelCase names, absent for None, and errors that name the place."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


class DocumentError(ValueError):
    """A document does not have the shape that it should have."""


def to_json(value: Any) -> Any:
    """The value as JSON knows it; None fields of dataclasses are left out."""
    if is_dataclass(value):
        found = ((_camel(f.name), getattr(value, f.name)) for f in fields(value))
        return {name: to_json(field) for name, field in found if field is not None}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[_T], document: Any, place: str = "") -> _T:
    """The inverse of `to_json`; unknown fields are ignored, so that versions can meet.

    Args:
        kind: a dataclass whose fields are scalars, tuples, mappings of texts and dataclasses.
        document: what JSON was read.
        place: where the document stands, for errors.

    Raises:
        DocumentError: a field is missing or of the wrong kind; the text names it.
    """
    if not isinstance(document, Mapping):
        raise DocumentError(f"{place or kind.__name__}: {_short(document)} must be an object")
    hints = _hints(typing.cast("Any", kind))
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = _camel(field.name)
        where = f"{place}.{name}" if place else name
        if document.get(name) is not None:
            values[field.name] = _read(hints[field.name], document[name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            if not _takes_none(hints[field.name]):
                raise DocumentError(f"{where}: is missing; set it")
            values[field.name] = None
    return kind(**values)


def _read(hint: Any, value: Any, place: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (a for a in typing.get_args(hint) if a is not type(None))
        return _read(inner, value, place)
    if is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), value, place)
    if origin is tuple:
        return _read_tuple(typing.get_args(hint), value, place)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise DocumentError(f"{place}: {_short(value)} must be an object")
        inner = typing.get_args(hint)[1]
        return {str(k): _read(inner, item, f"{place}.{k}") for k, item in value.items()}
    return _read_scalar(hint, value, place)


def _read_tuple(kinds: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise DocumentError(f"{place}: {_short(value)} must be a list")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise DocumentError(f"{place}: {_short(value)} must have {len(kinds)} entries")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_read(kind, item, f"{place}[{i}]") for i, (kind, item) in pairs)


def _read_scalar(hint: Any, value: Any, place: str) -> Any:
    wanted = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}[hint]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and number and math.isfinite(value):
        return float(value)
    if hint is int and number and float(value).is_integer():
        return int(value)
    if hint in (str, bool) and isinstance(value, hint):
        return value
    raise DocumentError(f"{place}: {_short(value)} must be {wanted}")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    # `Mapping` must be there at run time for the fields that are mappings.
    return typing.get_type_hints(kind, localns={"Mapping": Mapping})


def _takes_none(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


@functools.cache
def _camel(name: str) -> str:
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part.title() for part in tail)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
