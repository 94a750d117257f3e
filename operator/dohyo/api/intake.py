"""A document as the API server takes it in: unknown fields pruned, defaults set, shapes checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.guessing import nearest
from dohyo.api.names import NO_NAMESPACE, is_namespace
from dohyo.api.schema import PRESERVES
from dohyo.api.violations import Violation, dotted
from dohyo.contract import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.api.rule import Path
    from dohyo.api.schema import Schema

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_TYPE_WORDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@dataclass
class Findings:
    """What taking a document in has found.

    Attributes:
        shapes: values that the schema refuses.
        sick: their places.
        unknown: fields that the API server would drop.
        kind: of the document, for people.
    """

    shapes: list[Violation] = field(default_factory=list)
    sick: list[Path] = field(default_factory=list)
    unknown: list[Violation] = field(default_factory=list)
    kind: str = KIND

    def refuse(self, path: Path, value: Any, message: str, way_out: str = "") -> None:
        self.shapes.append(Violation(dotted(path), value, message, way_out))
        self.sick.append(path)


def document_of(
    raw: Mapping[str, Any], schema: Schema, purpose: str, findings: Findings
) -> dict[str, Any]:
    """The name and the spec of a whole resource, as rules look at them; findings are added to.

    Args:
        raw: the whole resource, as JSON values.
        schema: of its spec.
        purpose: what a spec is for, said where there is none.
        findings: gets all that is wrong.
    """
    metadata = raw.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name is None:
        findings.refuse(("metadata", "name"), None, "is missing", "give the resource a name")
    elif not isinstance(name, str):
        way_out = f"write a name, or {str(name)!r} with its quotes"
        findings.refuse(("metadata", "name"), name, f"is {_kind(name)} and not a string", way_out)
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    if namespace is not None and not is_namespace(namespace):
        findings.refuse(("metadata", "namespace"), namespace, *NO_NAMESPACE)
    spec = raw.get("spec")
    if spec is None:
        findings.refuse(("spec",), None, "is missing", purpose)
    taken = {} if spec is None else taken_in(spec, schema, ("spec",), findings)
    return {"metadata": {"name": name}, "spec": taken}


def taken_in(value: Any, schema: Schema, path: Path, findings: Findings) -> Any:
    """The value without unknown fields and with every default; findings are added to.

    Args:
        value: JSON values; not changed.
        schema: structural, of the value.
        path: where the value stands in the document.
        findings: gets all that is wrong.
    """
    if schema.get(PRESERVES):
        if "type" in schema and not isinstance(value, dict):
            findings.refuse(path, value, f"is {_kind(value)} and not a map")
        return value
    if not _has_type(value, schema):
        findings.refuse(path, value, *_wrong_type(value, schema))
        return value
    if isinstance(value, dict):
        return _object(value, schema, path, findings)
    if isinstance(value, list):
        _check_count(value, schema, path, findings)
        return [
            taken_in(item, schema["items"], (*path, i), findings) for i, item in enumerate(value)
        ]
    _check_scalar(value, schema, path, findings)
    return value


def _object(value: dict[Any, Any], schema: Schema, path: Path, findings: Findings) -> Any:
    # Like the API server: a null in an object is as good as nothing.
    given = {str(key): child for key, child in value.items() if child is not None}
    if "additionalProperties" in schema:
        _check_count(given, schema, path, findings)
        inner = schema["additionalProperties"]
        return {k: taken_in(v, inner, (*path, k), findings) for k, v in given.items()}
    known: Schema = schema.get("properties", {})
    for key, child in given.items():
        if key not in known:
            findings.unknown.append(_unknown(key, known, (*path, key), child, findings.kind))
    taken: dict[str, Any] = {}
    for key, inner in known.items():
        if key in given:
            taken[key] = taken_in(given[key], inner, (*path, key), findings)
        elif "default" in inner:
            taken[key] = taken_in(inner["default"], inner, (*path, key), findings)
        elif key in schema.get("required", ()):
            findings.refuse((*path, key), None, "is missing", _meaning(inner))
    return taken


def _unknown(key: str, known: Iterable[str], path: Path, value: Any, kind: str) -> Violation:
    near = nearest(key, known)
    way_out = f"did you mean {near}?" if near else f"known here: {', '.join(known)}"
    shown = None if isinstance(value, dict | list) else value
    return Violation(dotted(path), shown, f"is no field of a {kind}", way_out)


def _has_type(value: Any, schema: Schema) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | str) and not isinstance(value, bool)
    if isinstance(value, bool):
        return bool(schema["type"] == "boolean")
    return isinstance(value, _TYPES[schema["type"]])


def _wrong_type(value: Any, schema: Schema) -> tuple[str, str]:
    if schema.get("x-kubernetes-int-or-string"):
        return f"is {_kind(value)}", f"put it in quotes: '{value}'"
    wanted = schema["type"]
    way_out = f"put it in quotes: '{value}'" if wanted == "string" and _is_plain(value) else ""
    return f"is {_kind(value)} and not {_TYPE_WORDS[wanted]}", way_out


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | bool)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a string"
    return "a whole number" if isinstance(value, int) else "a number with a fraction"


def _check_count(
    value: dict[str, Any] | list[Any], schema: Schema, path: Path, findings: Findings
) -> None:
    most = schema.get("maxItems", schema.get("maxProperties"))
    if most is not None and len(value) > most:
        findings.refuse(path, None, f"has {len(value)} entries", f"at most {most} are allowed")


def _check_scalar(value: Any, schema: Schema, path: Path, findings: Findings) -> None:
    if "enum" in schema and value not in schema["enum"]:
        near = nearest(str(value), schema["enum"])
        guess = f"did you mean {near}? " if near else ""
        findings.refuse(path, value, "is unknown", f"{guess}Choose {' or '.join(schema['enum'])}")
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            findings.refuse(path, value, "is too long", f"at most {schema['maxLength']} characters")
        if len(value) < schema.get("minLength", 0):
            findings.refuse(path, value, "is too short", _meaning(schema))
    elif not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            side = f"below {low:g}" if value < low else f"above {high:g}"
            findings.refuse(path, value, f"is {side}", f"choose {_range(schema)}")


def _range(schema: Schema) -> str:
    if "maximum" not in schema:
        return f"{schema['minimum']:g} or more"
    return f"{schema['minimum']:g} to {schema['maximum']:.10g}"


def _meaning(schema: Schema) -> str:
    text = str(schema.get("description", ""))
    return f"it is {text[0].lower()}{text[1:]}".rstrip(".") if text else ""
