"""A raw document → the typed spec, or every violation with its place, value and way out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.durations import duration_violations
from dohyo.api.intake import Findings, document_of
from dohyo.api.modeldeployment import ModelDeploymentSpec
from dohyo.api.pod_templates import pod_template_violations
from dohyo.api.rule import violation, violations
from dohyo.api.rules import CONTENT_FIELDS, RULES, TRANSITION_RULES
from dohyo.api.schema import spec_schema
from dohyo.api.transition_rules import NAME_BOUND
from dohyo.api.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo.api.status import ModelDeploymentStatus

_PURPOSE: Final = "it names the champion and its challengers"


@dataclass(frozen=True)
class Checked:
    """What a look at a document has found.

    Attributes:
        spec: typed, every default set; None when anything is refused.
        refused: what the API server refuses, or would if CEL could compare days.
        unknown: fields that the API server drops with a warning.
    """

    spec: ModelDeploymentSpec | None
    refused: tuple[Violation, ...]
    unknown: tuple[Violation, ...]


def check(
    raw: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    allow_host_access: bool = False,
) -> Checked:
    """Checks a document against schema and rules.

    Args:
        raw: the whole resource, as JSON values.
        before: the resource that it replaces, if that is known.
        allow_host_access: see `dohyo.api.pod_templates`.
    """
    findings = Findings()
    document = document_of(raw, spec_schema(), _PURPOSE, findings)
    sick = frozenset(findings.sick)
    refused = [*findings.shapes]
    for rule in RULES:
        refused += violations(rule, document, sick)
    if before is not None and not sick:
        of_before = Findings()
        replaced = document_of(before, spec_schema(), _PURPOSE, of_before)
        if not of_before.sick:
            refused += _transition(replaced, document)
    if sick:
        return Checked(None, tuple(refused), tuple(findings.unknown))
    spec = _typed(document["spec"])
    if not refused:
        refused += duration_violations(spec)
    refused += pod_template_violations(spec, allow_host_access=allow_host_access)
    return Checked(None if refused else spec, tuple(refused), tuple(findings.unknown))


def name_bindings(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> Iterator[Violation]:
    """Names that the spec uses for other content than what still runs, or last ran, under them.

    The API server sees only the spec before this one; a version that was removed and is still
    draining is known to the status alone.
    """
    places = ["spec.champion", *(f"spec.challengers[{i}]" for i in range(len(spec.challengers)))]
    for place, version in zip(places, spec.versions, strict=True):
        known = status.version(version.name)
        if known is not None and known.content not in {None, version.content}:
            yield Violation(
                f"{place}.name",
                version.name,
                f"still belongs to {known.bento}; a name is bound to {', '.join(CONTENT_FIELDS)}",
                "give the new content a new name",
                NAME_BOUND,
            )


def _transition(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Violation]:
    for rule in TRANSITION_RULES:
        if not rule.holds(old["spec"], new["spec"]):
            found = violation(rule, ("spec",), new["spec"])
            difference = rule.difference(old["spec"], new["spec"])
            yield replace(found, message=f"{found.message}: {difference}")


def _typed(spec: dict[str, Any]) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate_json(json.dumps(spec), strict=True)
