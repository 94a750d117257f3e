"""A BatchPrediction as the API server gives it, typed; or every violation with its way out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.batch_rules import BATCH_RULES
from dohyo.api.batch_status import BatchPredictionStatus
from dohyo.api.batchprediction import MAX_COMPARED, BatchPredictionSpec
from dohyo.api.cron import knows_zone, schedule_of
from dohyo.api.intake import Findings, document_of
from dohyo.api.names import DNS_LABEL
from dohyo.api.pod_templates import template_violations
from dohyo.api.resource import Metadata, parse_metadata, status_in
from dohyo.api.rule import violations
from dohyo.api.schema import spec_schema
from dohyo.api.violations import InvalidResource, Violation
from dohyo.contract import BATCH_KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the API server cannot see: place and text for the reference page.
BEYOND_CEL: Final = (
    ("spec.version", f"is neither a name nor a list of 1 to {MAX_COMPARED} different names"),
    ("spec.schedule", "has a field outside its limits"),
    ("spec.timeZone", "is no zone of the time zone database"),
)
_PURPOSE: Final = "it names a model, the data and the output"
_WAY_OUT: Final = "write champion, the name of a version, or [v12, v13] to compare"


@dataclass(frozen=True)
class BatchPrediction:
    """One BatchPrediction."""

    metadata: Metadata
    spec: BatchPredictionSpec
    status: BatchPredictionStatus = field(default_factory=BatchPredictionStatus)


@dataclass(frozen=True)
class BatchChecked:
    """What a look at a document has found.

    Attributes:
        spec: typed, every default set; None when anything is refused.
        refused: what the API server refuses, and what only this sees.
        unknown: fields that the API server drops with a warning.
    """

    spec: BatchPredictionSpec | None
    refused: tuple[Violation, ...]
    unknown: tuple[Violation, ...]


def check_batch(raw: Mapping[str, Any], *, allow_host_access: bool = False) -> BatchChecked:
    """Checks a document against schema and rules.

    Args:
        raw: the whole resource, as JSON values.
        allow_host_access: see `dohyo.api.pod_templates`.
    """
    findings = Findings(kind=BATCH_KIND)
    document = document_of(raw, spec_schema(BatchPredictionSpec), _PURPOSE, findings)
    sick = frozenset(findings.sick)
    refused = [*findings.shapes]
    for rule in BATCH_RULES:
        refused += violations(rule, document, sick)
    if not sick:
        refused += _beyond_cel(document["spec"], {v.path for v in refused})
    if sick or refused:
        return BatchChecked(None, tuple(refused), tuple(findings.unknown))
    spec = BatchPredictionSpec.model_validate_json(json.dumps(document["spec"]), strict=True)
    refused += template_violations(
        spec.pod_template, "spec.podTemplate", allow_host_access=allow_host_access
    )
    return BatchChecked(None if refused else spec, tuple(refused), tuple(findings.unknown))


def parse_batch(raw: Mapping[str, Any], *, allow_host_access: bool = False) -> BatchPrediction:
    """The typed resource. Fields that this release does not know are left out.

    Raises:
        InvalidResource: with everything that is wrong with the spec.
    """
    checked = check_batch(raw, allow_host_access=allow_host_access)
    if checked.spec is None:
        raise InvalidResource(checked.refused)
    return BatchPrediction(parse_metadata(raw), checked.spec, parse_batch_status(raw))


def parse_batch_status(raw: Mapping[str, Any]) -> BatchPredictionStatus:
    """The status alone; empty when there is none.

    Raises:
        InvalidResource: somebody else has written a status that cannot be read.
    """
    return status_in(raw, BatchPredictionStatus)


def _beyond_cel(spec: dict[str, Any], known: set[str]) -> Iterator[Violation]:
    yield from _version(spec["version"])
    if "schedule" in spec and "spec.schedule" not in known:
        try:
            schedule_of(spec["schedule"])
        except ValueError as error:
            message, _, way_out = str(error).partition("; ")
            yield Violation("spec.schedule", spec["schedule"], message, way_out)
    zone = spec.get("timeZone")
    if zone is not None and "spec.timeZone" not in known and not knows_zone(zone):
        way_out = "write its name there, as Europe/Berlin or Etc/UTC"
        yield Violation("spec.timeZone", zone, BEYOND_CEL[2][1], way_out)


def _version(value: Any) -> Iterator[Violation]:
    path = "spec.version"
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_COMPARED:
        yield Violation(path, value, BEYOND_CEL[0][1], _WAY_OUT)
        return
    for index, name in enumerate(names):
        where = path if isinstance(value, str) else f"{path}[{index}]"
        if not isinstance(name, str) or re.fullmatch(DNS_LABEL, name) is None:
            yield Violation(where, name, "is no version's name", _WAY_OUT)
        elif name in names[:index]:
            yield Violation(where, name, "comes twice", "name each version once")
