"""The rules across fields of a BatchPrediction: one table for the API server, lint and operator."""

from __future__ import annotations

import re
from typing import Any, Final

from dohyo.api.format_rules import quantities
from dohyo.api.names import DNS_LABEL, SERVICE_NAME
from dohyo.api.rule import ROOT_NAME, Rule, formatted
from dohyo.api.uri_forms import CLAIM, inside, of_form, without_login
from dohyo.api.version_rules import requests_within_limits

_STORES: Final = "s3|gs|pvc|file"
_DATABASES: Final = "(postgresql|mysql|sqlite)([+][a-z0-9]+)?"
_BOTH: Final = ("spec.input.uri", "spec.output.uri")
_CRON_FIELD: Final = "[0-9A-Za-z*?,/-]{1,40}"


def _of_database(source: dict[str, Any]) -> bool:
    return re.match(f"^{_DATABASES}://", source["uri"]) is not None


def _schemed(name: str, place: str, pattern: str, message: str) -> Rule:
    return Rule(
        name=name,
        places=(place,),
        cel=f"self.matches('^({pattern})://')",
        holds=lambda uri: re.match(f"^({pattern})://", uri) is not None,
        message=message,
    )


_FORMATS: Final = (
    Rule(
        name="batch-name",
        places=(ROOT_NAME,),
        cel=f"self.{ROOT_NAME}.matches('^{DNS_LABEL}$')",
        holds=lambda name: re.fullmatch(DNS_LABEL, name) is not None,
        message="is no DNS label; use at most 63 lower-case letters, digits and '-'",
    ),
    formatted(
        "batch-model",
        ("spec.modelDeployment",),
        SERVICE_NAME,
        "cannot be the name of a ModelDeployment; use at most 63 lower-case letters, digits and "
        "'-', beginning with a letter",
    ),
    formatted(
        "batch-schedule",
        ("spec.schedule",),
        f"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{_CRON_FIELD}( +{_CRON_FIELD})"
        "{4}",
        "is no schedule; write five fields (minute, hour, day of the month, month, day of the "
        "week), as 0 6 * * 1 for Mondays at 6, and the zone in timeZone",
    ),
    formatted(
        "batch-zone",
        ("spec.timeZone",),
        "[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}",
        "is no time zone; write its name in the time zone database, as Europe/Berlin or Etc/UTC",
    ),
    quantities("batch-quantity", ("spec.resources.requests{}", "spec.resources.limits{}")),
)

_PLACES: Final = (
    _schemed(
        "batch-input-scheme",
        "spec.input.uri",
        f"{_STORES}|https|{_DATABASES}",
        "is no place of data; begin with s3://, gs://, https://, pvc://, file:// or a database's "
        "postgresql://",
    ),
    _schemed(
        "batch-output-scheme",
        "spec.output.uri",
        _STORES,
        "is no place to write to; begin with s3://, gs://, pvc:// or file://",
    ),
    without_login("batch-uri-without-login", _BOTH),
    of_form(
        "batch-claim",
        _BOTH,
        "pvc",
        f"{CLAIM}/[^ ]*",
        "names no path in a PersistentVolumeClaim; write pvc://claim/path/",
    ),
    of_form(
        "batch-bucket",
        _BOTH,
        "s3|gs",
        "[^/ ]+(/[^ ]*)?",
        "names no bucket; write s3://bucket/path/",
    ),
    inside(
        "batch-inside",
        _BOTH,
        "pvc|file",
        "leads out of where it begins; write the path without '..'",
    ),
)

_INPUT: Final = (
    Rule(
        name="batch-sql-uri",
        places=("spec.input",),
        cel=f"(self.format == 'sql') == self.uri.matches('^{_DATABASES}://')",
        holds=lambda source: (source["format"] == "sql") == _of_database(source),
        message="and uri do not agree; the format of a database is sql, and sql needs one, as "
        "postgresql://host/name",
        field="format",
    ),
    Rule(
        name="batch-sql-query",
        places=("spec.input",),
        cel="(self.format == 'sql') == has(self.query)",
        holds=lambda source: (source["format"] == "sql") == ("query" in source),
        message="belongs to the format sql and nothing else; give a database one SELECT, and "
        "remove it elsewhere",
        field="query",
    ),
    Rule(
        name="batch-sql-key",
        places=("spec.input",),
        cel="self.format == 'sql' || !has(self.key)",
        holds=lambda source: source["format"] == "sql" or "key" not in source,
        message="splits only what a query gives; remove it: files are split by their rows",
        field="key",
    ),
    Rule(
        name="batch-credentials",
        places=("spec.input", "spec.output"),
        cel="!has(self.credentials) || !self.uri.matches('^(pvc|file)://')",
        holds=lambda place: (
            "credentials" not in place or re.match("^(pvc|file)://", place["uri"]) is None
        ),
        message="opens nothing: a claim or a folder is read without it; remove it",
        field="credentials",
    ),
)


def _with_schedule(name: str, field: str) -> Rule:
    return Rule(
        name=name,
        places=("spec",),
        cel=f"has(self.schedule) || !has(self.{field})",
        holds=lambda spec: "schedule" in spec or field not in spec,
        message="has no meaning for what runs once; give a schedule or remove it",
        field=field,
    )


_TIMES: Final = (
    _with_schedule("batch-zone-of-schedule", "timeZone"),
    _with_schedule("batch-start-of-schedule", "startingDeadlineSeconds"),
)

BATCH_RULES: Final[tuple[Rule, ...]] = (
    *_FORMATS,
    *_PLACES,
    *_INPUT,
    *_TIMES,
    requests_within_limits("batch-requests-within-limits", ("spec.resources",)),
)
