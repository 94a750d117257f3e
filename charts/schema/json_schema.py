"""Typed values → values.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charts.schema.kubernetes import Section

# A parent chart hands its `global` down to every sub-chart, wanted or not.
_GLOBAL = {"type": "object", "description": "Values of a parent chart; not used."}
_NOISE = frozenset({"title", "default", "examples"})


def json_schema(values: type[Section]) -> str:
    """The values' schema with all references resolved, so that a message names the whole path."""
    document = values.model_json_schema(by_alias=True)
    schema = _resolved(document, document.get("$defs", {}))
    schema["properties"]["global"] = _GLOBAL
    return (
        json.dumps(
            {"$schema": "http://json-schema.org/draft-07/schema#", **schema},
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _resolved(node: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if "$ref" in node:
        result |= _resolved(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    for key, value in node.items():
        if key in _NOISE or key in {"$ref", "$defs"}:
            continue
        if key == "properties":
            result[key] = {name: _resolved(child, definitions) for name, child in value.items()}
        elif isinstance(value, dict):
            result[key] = _resolved(value, definitions)
        else:
            result[key] = value
    return result
