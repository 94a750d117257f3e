"""Typed values → one flat list of options, in the order in which they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from charts.schema.kubernetes import Section


@dataclass(frozen=True)
class Option:
    """One line of values.yaml.

    Attributes:
        path: keys from the root.
        description: what it is for, possibly several paragraphs.
        default: as plain data; None for a group, whose options follow.
        example: a value worth showing, or None.
    """

    path: tuple[str, ...]
    description: str
    default: Any
    example: Any = None

    @property
    def is_group(self) -> bool:
        return self.default is None


def options(values: Section, prefix: tuple[str, ...] = ()) -> Iterator[Option]:
    """Every group and option of the values, depth first."""
    for field_name, field in _own_first(type(values)):
        path = (*prefix, field.alias or field_name)
        description = " ".join((field.description or "").split())
        default = getattr(values, field_name)
        if isinstance(default, BaseModel):
            yield Option(path, description, None)
            yield from options(default, path)  # type: ignore[arg-type]
        else:
            example = field.examples[0] if field.examples else None
            yield Option(path, description, default, example)


def _own_first(values: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """What makes a section special stands above what it shares with others."""
    own = values.__annotations__
    return sorted(values.model_fields.items(), key=lambda item: item[0] not in own)
