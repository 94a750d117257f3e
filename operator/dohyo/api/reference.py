"""Typed models, rules and conditions → the pages of `docs/reference`."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import textwrap
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.batch_conditions import BatchConditionType, BatchReason
from dohyo.api.batch_resource import BEYOND_CEL
from dohyo.api.conditions import ConditionType, Reason
from dohyo.api.definition import BATCH_PREDICTION
from dohyo.api.durations import DURATION_RULES
from dohyo.api.pod_templates import REFUSED_WITHOUT_HOST_ACCESS
from dohyo.api.rules import RULES, TRANSITION_RULES
from dohyo.api.schema import PRESERVES, spec_schema, status_schema
from dohyo.api.unsupported import UNSUPPORTED
from dohyo.contract import API_VERSION, BATCH_KIND, KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import StrEnum

    from dohyo.api.rule import Rule, TransitionRule
    from dohyo.api.schema import Schema

_GENERATED: Final = (
    "<!-- Generated from operator/dohyo/api; edit there and run `make generate`. -->\n\n"
)


def modeldeployment_page() -> str:
    """Every field, rule and condition of a ModelDeployment."""
    return "".join(
        (
            _GENERATED,
            f"# {KIND}\n\n",
            f"`apiVersion: {API_VERSION}`, `kind: {KIND}`, short names `md` and `mdep`.\n",
            "A champion that serves a model, and the challengers that try to beat it.\n",
            "`dohyo lint -f FILE` checks a file by the same rules as the API server does.\n",
            (
                "Fields that this release does not carry out yet are listed in "
                "[unsupported.md](unsupported.md).\n\n"
            ),
            (
                "Durations are written as `250ms`, `90s`, `1h30m` or `14d`; shares are percent "
                "with two decimals at most.\n"
            ),
            *_sections("spec", spec_schema()),
            *_rules((*RULES, *TRANSITION_RULES), DURATION_RULES, "….podTemplate"),
            *_sections("status", status_schema()),
            *_conditions(ConditionType, Reason, "Ready", "the ring is as the spec asks"),
        )
    )


def batchprediction_page() -> str:
    """Every field, rule and condition of a BatchPrediction."""
    definition = BATCH_PREDICTION
    waited_for = ("Complete", "a run has come to its end")
    return "".join(
        (
            _GENERATED,
            f"# {BATCH_KIND}\n\n",
            f"`apiVersion: {API_VERSION}`, `kind: {BATCH_KIND}`, short name `bp`.\n",
            f"{definition.description}\n",
            "How to use it: [batch.md](../how-to/batch.md).\n",
            *_sections("spec", spec_schema(definition.spec)),
            *_rules(definition.rules, BEYOND_CEL, "spec.podTemplate"),
            *_sections("status", status_schema(definition.status)),
            *_conditions(BatchConditionType, BatchReason, *waited_for),
        )
    )


def _rules(
    rules: Iterable[Rule | TransitionRule],
    beyond: Iterable[tuple[str, str]],
    pod_template: str,
) -> Iterator[str]:
    """What the API server refuses, and what only the operator sees."""
    head = ("where", "what is refused")
    yield "\n## Rules\n\n"
    yield "Checked by the API server when a resource is written, and by `dohyo lint`.\n\n"
    yield from _table(head, _rule_rows(rules))
    yield (
        "\nThe API server cannot see the following; the operator sets the condition `Invalid`, "
        "and what ran before goes on.\n\n"
    )
    templates = ((f"{pod_template}.{p}", text) for p, text in REFUSED_WITHOUT_HOST_ACCESS)
    yield from _table(head, ((f"`{place}`", text) for place, text in (*beyond, *templates)))


def _conditions(
    types: type[StrEnum], reasons: type[StrEnum], waited_for: str, until: str
) -> Iterator[str]:
    """Types and reasons, and which condition means that `until` has come true."""
    yield "\n## Conditions\n\n"
    yield from _table(("type", "what it says when true"), _documented(types))
    yield f"\n`kubectl wait --for=condition={waited_for}` waits until {until}.\n"
    yield "\n## Reasons\n\n"
    yield from _table(("reason", "meaning"), _documented(reasons))


def unsupported_page() -> str:
    """The fields that this release does not carry out."""
    parts = [
        _GENERATED,
        "# Fields that are not carried out yet\n\n",
        (
            f"The schema of {KIND} is whole, so that resources need no change when a capability "
            "arrives.\n"
        ),
        (
            "A resource that uses one of these fields gets the condition `Unsupported`, which "
            "names the field, and is not `Ready`; the rest of it is carried out.\n"
        ),
        "`dohyo lint` warns.\n",
        "This list only shrinks.\n\n",
        *_table(
            ("field", "what it will do", "what happens now"),
            (
                (
                    "<br>".join(f"`{_field(p, entry.value)}`" for p in entry.places),
                    entry.capability,
                    entry.instead,
                )
                for entry in UNSUPPORTED
            ),
        ),
    ]
    return "".join(parts)


def _field(place: str, value: str) -> str:
    return f"{place}: {value}" if value else place


def _sections(path: str, schema: Schema) -> Iterator[str]:
    """One section for each object, the outer ones first."""
    yield f"\n## {path}\n\n{schema.get('description', '')}\n\n"
    required = set(schema.get("required", ()))
    yield from _table(
        ("field", "type", "default", "meaning"),
        (
            (f"`{name}`", _type(child), _default(child, name in required), _meaning(child))
            for name, child in schema["properties"].items()
        ),
    )
    for name, child in schema["properties"].items():
        inner, suffix = (child["items"], "[]") if child.get("type") == "array" else (child, "")
        if "properties" in inner:
            yield from _sections(f"{path}.{name}{suffix}", inner)


def _type(schema: Schema) -> str:
    if "type" not in schema:
        several = not schema.get("x-kubernetes-int-or-string")
        return "string, or list of strings" if several else "quantity"
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}, at most {schema['maxItems']}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get(PRESERVES):
        return "free-form object"
    return str(schema["type"]) + _limits(schema)


def _limits(schema: Schema) -> str:
    if "maximum" in schema:
        return f", {schema['minimum']:g} to {schema['maximum']:.10g}"
    if "minimum" in schema:
        return f", {schema['minimum']:g} or more"
    if "maxLength" in schema and "format" not in schema:
        return f", at most {schema['maxLength']} characters"
    return ""


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    if "default" not in schema or isinstance(schema["default"], dict):
        return ""
    return f"`{json.dumps(schema['default'])}`"


def _meaning(schema: Schema) -> str:
    return str(schema.get("description", "")).replace("|", "\\|")


def _rule_rows(rules: Iterable[Rule | TransitionRule]) -> Iterator[tuple[str, str]]:
    for rule in rules:
        suffix = f".{rule.field}" if rule.field else ""
        places = "<br>".join(f"`{place}{suffix}`" for place in rule.places)
        yield places, rule.message.replace("|", "\\|").replace("<", "&lt;")


def _documented(enum: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Members with the docstring that stands below each, which is not kept at run time."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(enum)))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    for member, text in itertools.pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            yield f"`{_constant(member.value)}`", str(_constant(text.value))


def _constant(node: ast.expr) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"
