"""Typed models → structural schema, as a CustomResourceDefinition wants it.

Pydantic prints JSON schema with references, unions with null and the like, which the API server
refuses; this takes them out. Whether the result is right only a real API server may judge.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.modeldeployment import ModelDeploymentSpec
from dohyo.api.status import ModelDeploymentStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT: Final = (
    "type",
    "format",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
# A free-form value is checked by the API server when the operator applies what is made of it.
PRESERVES: Final = "x-kubernetes-preserve-unknown-fields"


@cache
def spec_schema(spec: type[BaseModel] = ModelDeploymentSpec) -> Schema:
    """Of `spec`, with its defaults. Not to be changed by who gets it."""
    return structural(spec, defaults=True)


@cache
def status_schema(status: type[BaseModel] = ModelDeploymentStatus) -> Schema:
    """Of `status`, which has no defaults: what nobody wrote is not there."""
    return structural(status, defaults=False)


def structural(model: type[BaseModel], *, defaults: bool) -> Schema:
    """The structural schema of a model, references resolved.

    Args:
        model: whose fields have descriptions.
        defaults: whether to print the models' defaults. An optional field has none, and an object
            has one only when something in it has.
    """
    document = model.model_json_schema(by_alias=True, mode="validation")
    return _flat(document, document.get("$defs", {}), defaults=defaults)


def _flat(node: Mapping[str, Any], definitions: Mapping[str, Any], *, defaults: bool) -> Schema:
    node = _resolved(node, definitions)
    flat: Schema = {}
    if "description" in node:
        flat["description"] = " ".join(node["description"].split())
    flat |= {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        flat["enum"] = [node["const"]]
    if "items" in node:
        flat["items"] = _flat(node["items"], definitions, defaults=defaults)
    if "properties" in node:
        flat["properties"] = {
            name: _flat(child, definitions, defaults=defaults)
            for name, child in node["properties"].items()
        }
        required = [name for name in node.get("required", ()) if _is_required(flat, name)]
        if required:
            flat["required"] = required
    elif isinstance(node.get("additionalProperties"), dict):
        flat["additionalProperties"] = _flat(
            node["additionalProperties"], definitions, defaults=defaults
        )
    if defaults:
        flat |= _default(flat, node.get("default"))
    return flat


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node without `$ref`, and without the null that an optional field allows.

    The field's own description and default win over those of what it refers to.
    """
    while "$ref" in node or "anyOf" in node:
        rest = {k: v for k, v in node.items() if k not in {"$ref", "anyOf"}}
        if "$ref" in node:
            target = definitions[node["$ref"].rsplit("/", 1)[1]]
        else:
            (target,) = (option for option in node["anyOf"] if option.get("type") != "null")
        node = {**target, **rest}
    return node


def _default(flat: Schema, own: Any) -> Schema:
    """The default to print: none for an optional field, in full for an object.

    In full, because the API server holds a default against the rules before it fills it up.
    """
    if own is None:
        return {}
    if isinstance(own, dict):
        inner = flat.get("properties", {}).items()
        filled = {name: child["default"] for name, child in inner if "default" in child}
        return {"default": filled} if filled else {}
    if isinstance(own, float) and own.is_integer():
        own = int(own)
    return {"default": own}


def _is_required(flat: Schema, name: str) -> bool:
    return "default" not in flat["properties"][name]
