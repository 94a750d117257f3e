"""BatchPredictions that lint and a real API server must judge alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.batches import a_batch_manifest

_DATABASE = {"uri": "postgresql://db.shop/customers", "format": "sql"}
_QUERY = "SELECT * FROM customers"
_SECRET = {"secretRef": {"name": "bucket"}}


@dataclass(frozen=True)
class Judged:
    """A manifest, and where and in which words it is refused; `only`: by Python alone."""

    name: str
    document: dict[str, Any]
    at: str = ""
    says: str = ""
    only: bool = False


def _ok(name: str, **spec: Any) -> Judged:
    return Judged(name, a_batch_manifest(**spec))


def _bad(name: str, at: str, says: str, **spec: Any) -> Judged:
    return Judged(name, a_batch_manifest(**spec), at, says)


def _only(name: str, at: str, says: str, **spec: Any) -> Judged:
    return Judged(name, a_batch_manifest(**spec), at, says, only=True)


def _named(name: str) -> dict[str, Any]:
    document = a_batch_manifest()
    document["metadata"]["name"] = name
    return document


VALID = (
    _ok("smallest"),
    _ok("compared", version=["v12", "v13"], labels={"column": "satisfied"}),
    _ok(
        "weekly",
        schedule="0 6 * * mon",
        timeZone="Europe/Berlin",
        startingDeadlineSeconds=600,
        concurrencyPolicy="Replace",
    ),
    _ok("named-interval", schedule="@weekly"),
    _ok("database", input={**_DATABASE, "query": _QUERY, "key": "id", "credentials": _SECRET}),
    _ok("claims", input={"uri": "pvc://data/in/"}, output={"uri": "pvc://data/out/"}),
    _ok("sized", resources={"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "2Gi"}}),
)

INVALID = (
    Judged("name", _named("a.b"), "metadata.name", "is no DNS label"),
    _bad("model", "spec.modelDeployment", "cannot be the name", modelDeployment="9lives"),
    _bad("schedule", "spec.schedule", "is no schedule; write five fields", schedule="Mondays"),
    _bad("zone", "spec.timeZone", "is no time zone", schedule="@daily", timeZone="berlin time"),
    _bad(
        "quantity", "spec.resources.limits.cpu", "no quantity", resources={"limits": {"cpu": "x"}}
    ),
    _bad(
        "requests",
        "spec.resources.requests",
        "asks for more than its limit",
        resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}},
    ),
    _bad("input-scheme", "spec.input.uri", "is no place of data", input={"uri": "ftp://h/a"}),
    _bad("output-scheme", "spec.output.uri", "no place to write to", output={"uri": "https://h/a"}),
    _bad("login", "spec.input.uri", "holds a login", input={"uri": "https://u:p@h/a"}),
    _bad("claim", "spec.input.uri", "PersistentVolumeClaim", input={"uri": "pvc://data"}),
    _bad("bucket", "spec.output.uri", "names no bucket", output={"uri": "s3:///scores"}),
    _bad("dots", "spec.output.uri", "leads out of", output={"uri": "pvc://data/../x"}),
    _bad("sql", "spec.input.format", "and uri do not agree", input={"uri": "postgresql://h/d"}),
    _bad("no-query", "spec.input.query", "belongs to the format sql", input=_DATABASE),
    _bad(
        "key",
        "spec.input.key",
        "splits only what a query gives",
        input={"uri": "s3://b/c/", "key": "id"},
    ),
    _bad(
        "credentials",
        "spec.output.credentials",
        "opens nothing",
        output={"uri": "pvc://data/out/", "credentials": _SECRET},
    ),
    _bad("zone-once", "spec.timeZone", "no meaning for what runs once", timeZone="Etc/UTC"),
    _bad(
        "late-once",
        "spec.startingDeadlineSeconds",
        "no meaning for what runs once",
        startingDeadlineSeconds=60,
    ),
    _only("twice", "spec.version[1]", "comes twice", version=["v12", "v12"]),
    _only("number", "spec.version", "is neither a name nor a list", version=12),
    _only("five", "spec.version", "is neither a name", version=["a", "b", "c", "d", "e"]),
    _only("minute", "spec.schedule", "has the minute '99'; write 0 to 59", schedule="99 6 * * 1"),
    _only("no-zone", "spec.timeZone", "no zone of", schedule="@daily", timeZone="Europe/Atlantis"),
    _only(
        "host",
        "spec.podTemplate.spec.hostNetwork",
        "opens the node",
        podTemplate={"spec": {"hostNetwork": True}},
    ),
)
