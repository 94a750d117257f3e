"""Typed values → values.yaml with a comment on every line that can be set."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from charts.schema.options import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from charts.schema.kubernetes import Section
    from charts.schema.options import Option

GENERATED = "# Generated from charts/schema; edit there and run `make generate`."
_WIDTH = 100


def values_yaml(values: Section) -> str:
    lines = [GENERATED]
    for option in options(values):
        if len(option.path) == 1:
            lines.append("")
        lines.extend(_lines(option))
    return "\n".join(lines) + "\n"


def _lines(option: Option) -> Iterator[str]:
    indent = "  " * (len(option.path) - 1)
    yield from textwrap.wrap(
        option.description,
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_on_hyphens=False,
    )
    key = option.path[-1]
    if option.example is not None:
        yield f"{indent}# {key}: {_flow(option.example)}"
    if option.is_group:
        yield f"{indent}{key}:"
    elif isinstance(option.default, dict | list) and option.default:
        yield f"{indent}{key}:"
        block = yaml.safe_dump(option.default, sort_keys=False).rstrip()
        yield from textwrap.indent(block, indent + "  ").splitlines()
    else:
        yield f"{indent}{key}: {_flow(option.default)}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("...\n").strip().replace("''", '""')
