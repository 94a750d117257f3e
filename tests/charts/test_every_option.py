"""`every-option.yaml` really switches every option on, so that all other tests see it."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Any

from charts.generate import VALUES
from charts.schema.options import options
from tests.charts.rendering import CHARTS, every_option

if TYPE_CHECKING:
    from collections.abc import Iterator


def missing(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Paths of the schema that the value does not set."""
    if schema["type"] == "array":
        items = schema["items"]
        for name in items.get("properties", {}):
            if not any(name in entry for entry in value):
                yield f"{path}.*.{name}"
    for name, child in schema.get("properties", {}).items():
        if name not in value:
            yield f"{path}.{name}"
        else:
            yield from missing(child, value[name], f"{path}.{name}")


def test_every_property_of_the_schema_is_set() -> None:
    schema = json.loads((CHARTS / "dohyo" / "values.schema.json").read_text())
    del schema["properties"]["global"]

    assert list(missing(schema, every_option())) == []


def test_every_option_differs_from_its_default() -> None:
    """Only switches that are on by default stay as they are."""
    chosen = every_option()
    same = [
        ".".join(option.path)
        for option in options(VALUES["dohyo"])
        if not option.is_group
        and option.default is not True
        and reduce(dict.__getitem__, option.path, chosen) == option.default
    ]

    assert same == []
