"""Typed sections of the configuration → the page of `docs/reference`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dohyo_training.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Schema = dict[str, Any]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "training-config.md"
_HEAD: Final = """\
<!-- Generated from training/dohyo_training/config; edit there and run `make generate`. -->

# The configuration of a training run

A file of YAML; `dohyo train init DATA` writes one to start from, and `dohyo train check CONFIG` \
names every fault with its line and field.
Keys that are not known are errors.
`true` and `false` are the only words that are not text; dates are text.
Durations are written as `30m`, `12h`, `7d` or `2w`, sizes as `512Mi` or `2Gi`.
Relative paths start from the folder of the file.
[How to train](../how-to/train.md) goes through it.
"""


def page() -> str:
    """Every section, field, type, default and meaning."""
    schema = RunConfig.model_json_schema()
    return _HEAD + "".join(_sections("(top)", schema, schema["$defs"], set()))


FILES: Final[tuple[tuple[Path, Callable[[], str]], ...]] = ((_PAGE, page),)


def _sections(path: str, schema: Schema, named: Schema, seen: set[str]) -> Iterator[str]:
    """One section for each object, the outer ones first, and each kind of object once."""
    text = _sentence(str(schema.get("description", "")))
    yield f"\n## {path}\n\n{text}\n\n| field | type | default | meaning |\n|---|---|---|---|\n"
    required = set(schema.get("required", ()))
    for name, child in schema["properties"].items():
        meaning = _meaning(child) or _meaning(named.get(_name(child), {}))
        cells = (f"`{name}`", _type(child), _default(child, name in required), meaning)
        yield f"| {' | '.join(cells)} |\n"
    for name, child in schema["properties"].items():
        place = name if path == "(top)" else f"{path.partition(' ')[0]}.{name}"
        for suffix, inner in _objects(child, named):
            if inner["title"] not in seen:
                seen.add(inner["title"])
                yield from _sections(place + suffix, inner, named, seen)


def _objects(schema: Schema, named: Schema) -> Iterator[tuple[str, Schema]]:
    """The objects that a field holds, with how one gets to them."""
    if "$ref" in schema:
        inner = named[_name(schema)]
        kind = inner.get("properties", {}).get("kind", {}).get("const")
        yield (f" (kind: {kind})" if kind else ""), inner
    for part in schema.get("anyOf", ()):
        yield from _objects(part, named)
    for part in schema.get("oneOf", ()):
        yield from _objects(part, named)
    if "items" in schema:
        for suffix, inner in _objects(schema["items"], named):
            yield f"[]{suffix}", inner
    if isinstance(schema.get("additionalProperties"), dict):
        for suffix, inner in _objects(schema["additionalProperties"], named):
            yield f".*{suffix}", inner


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _type(schema: Schema) -> str:  # noqa: PLR0911 - one line for each form
    if "$ref" in schema:
        return "section"
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        kinds = dict.fromkeys(_type(one) for one in alternatives if one.get("type") != "null")
        return " or ".join(kinds)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"list of {len(schema['prefixItems'])} columns"
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    kind = schema.get("type", "value")
    return (kind if isinstance(kind, str) else " or ".join(kind)) + _limits(schema)


def _limits(schema: Schema) -> str:
    said = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    parts = [text.format(f"{schema[key]:.10g}") for key, text in said.items() if key in schema]
    return f", {' '.join(parts)}" if parts else ""


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    value = schema.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, list) and isinstance(value[0], dict):
        value = [one["name"] for one in value]
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _meaning(schema: Schema) -> str:
    return _sentence(str(schema.get("description", ""))).replace("|", "\\|")


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text)
