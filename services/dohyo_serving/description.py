"""`/docs.json`: BentoML's description of the service, with the contract of the model in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo_form.contract import (
    BOOLEAN,
    CATEGORY,
    DATE,
    INTEGER,
    NUMBER,
    REJECT,
    REQUIRED,
    TEXT,
)
from dohyo_form.values import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_form.contract import Contract, Field

Schema = dict[str, Any]
_TYPES: Final = {
    NUMBER: "number",
    INTEGER: "integer",
    BOOLEAN: "boolean",
    TEXT: "string",
    DATE: "string",
}
_REFUSED: Final[Schema] = {
    "type": "object",
    "required": ["error", "detail"],
    "properties": {
        "error": {"type": "string"},
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "type", "msg"],
                "properties": {
                    "loc": {"type": "array", "items": {}},
                    "type": {"type": "string"},
                    "msg": {"type": "string"},
                    "input": {},
                },
            },
        },
    },
}


def described(
    document: Schema, path: str, contract: Contract | None, classes: Sequence[str]
) -> Schema:
    """The document with what the model takes at `path`, and answers there.

    A service whose own code says nothing about that path is described as it is.
    """
    operation = document.get("paths", {}).get(path, {}).get("post")
    if operation is None or contract is None:
        return document
    records = {"type": "array", "minItems": 1, "items": schema_of(contract)}
    operation["requestBody"] = {
        "required": True,
        "content": _json({**_object({"records": records}), "additionalProperties": False}),
    }
    refusals = {"422": {"description": "Refused values", "content": _json(_REFUSED)}}
    answer = _object(
        {"version": {"type": "string"}, "predictions": {"type": "array", "items": _row(classes)}}
    )
    told = {"200": {"description": "Predictions", "content": _json(answer)}}
    operation["responses"] = {**operation.get("responses", {}), **refusals, **told}
    return document


def schema_of(contract: Contract) -> Schema:
    """One record, by OpenAPI 3.0, where null is `nullable`."""
    return {
        "type": "object",
        "properties": {each.name: _field(each) for each in contract.fields},
        "required": [each.name for each in contract.fields if each.default is REQUIRED],
        "additionalProperties": contract.unknown_fields != REJECT,
    }


def _field(field: Field) -> Schema:
    schema: Schema = {}
    words = [field.description] if field.description else []
    if field.kind == CATEGORY:
        schema |= _category(field, words)
    else:
        schema["type"] = _TYPES[field.kind]
    if field.kind in (NUMBER, INTEGER):
        schema["minimum"], schema["maximum"] = limits(field)
    if field.kind == DATE:
        words.append(
            f"a date such as 2026-11-25 or 2026-11-25T10:00:00Z, in {field.time_zone} by default"
        )
    if field.unit:
        words.append(f"in {field.unit}")
    if field.nullable:
        schema["nullable"] = True
    if field.default is not REQUIRED:
        schema["default"] = field.default
    if words:
        schema["description"] = "; ".join(words)
    return schema


def _category(field: Field, words: list[str]) -> Schema:
    known = list(field.categories)
    types = {type(each) for each in known} or {str}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    schema: Schema = {"type": names[types.pop()]} if len(types) == 1 else {}
    # Spelt in more ways than the list has, a value is still one of it.
    if field.unknown == REJECT and not field.strip and field.case == "keep":
        schema["enum"] = [*known, None] if field.nullable else known
    elif known:
        shown = ", ".join(map(str, known[:40])) + (", …" if len(known) > 40 else "")
        others = "others are refused" if field.unknown == REJECT else "others are allowed"
        words.append(f"known are {shown}; {others}")
    return schema


def _row(classes: Sequence[str]) -> Schema:
    if not classes:
        return _object({"value": {}})
    probabilities = _object({name: {"type": "number"} for name in classes})
    label = {"type": "string", "enum": list(classes)}
    return _object({"label": label, "probabilities": probabilities})


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
