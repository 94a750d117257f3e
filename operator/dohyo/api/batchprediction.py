"""The spec of a BatchPrediction as frozen typed values: which data, which versions, when, where."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from dohyo.api.modeldeployment import Credentials
from dohyo.api.scalars import FreeForm, LongText, Model, Name, Resources, ShortText

CHAMPION: Final = "champion"
MAX_COMPARED: Final = 4
MAX_PARALLELISM: Final = 100
MAX_SHARDS: Final = 1000
SHARDS_PER_POD: Final = 4
# What a run depends on; all else may change while it goes on.
_OF_THE_WORK: Final = (
    "modelDeployment",
    "version",
    "input",
    "output",
    "shards",
    "onBadRow",
    "report",
    "labels",
)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# One name or several: the API server takes anything here, and what it may be is told by
# `dohyo.api.batch_version`.
VersionChoice = Annotated[
    Name | tuple[Name, ...],
    BeforeValidator(_as_tuple),
    WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True}),
]
Columns = Annotated[dict[str, ShortText], Field(max_length=512)]
ColumnName = Annotated[str, Field(min_length=1, max_length=253)]
ColumnNames = Annotated[tuple[ColumnName, ...], Field(max_length=64)]


class BatchInput(Model):
    """The rows to be scored."""

    uri: Annotated[str, Field(min_length=1, max_length=2048)]
    """A file or a folder: s3, gs, https, pvc or, on one machine, file; or a database without its
    login, as postgresql://host/name."""

    format: Literal["parquet", "csv", "json", "sql"] = "parquet"
    """What lies there: parquet, csv with a head line, json with one object in a line, or sql."""

    columns: Columns = Field(default_factory=dict)
    """Input of the model to column of the data, where the names differ."""

    query: LongText | None = None
    """The rows of a database, as one SELECT. Only with the format sql."""

    key: ColumnName | None = None
    """The whole-number column of the query by whose ranges it is split. Only with the format
    sql. Absent: one shard reads it all."""

    credentials: Credentials | None = None
    """What uri is read with. Absent: as anybody, or as the pod's own identity."""


class BatchOutput(Model):
    """Where scores, quarantined rows and the report go: a folder of each run's own in uri."""

    uri: Annotated[str, Field(min_length=1, max_length=2048)]
    """A folder: s3, gs, pvc or, on one machine, file."""

    format: Literal["parquet"] = "parquet"
    """How scores are written."""

    include: ColumnNames = ()
    """Columns of the input that are copied to the scores."""

    credentials: Credentials | None = None
    """What uri is written with, and nothing of the input's. Absent: those of the input."""


class BatchReport(Model):
    """What the report tells apart."""

    group_by: ColumnNames = ()
    """Columns whose values make the groups. Absent: all rows are one group."""

    time: ColumnName | None = None
    """The column with each row's time. Absent: a group has no course over time."""

    every: Literal["day", "week", "month"] = "week"
    """How long a point of the course over time is."""


class BatchLabels(Model):
    """What is known already of what came to be."""

    column: ColumnName
    """The column with the true value; empty where it is not known yet."""


class BatchPredictionSpec(Model):
    """Which data are scored by which versions of a model, when, and where the scores go."""

    model_deployment: Name
    """The ModelDeployment of the same namespace whose versions score."""

    version: VersionChoice = CHAMPION
    """champion, the name of a version of the ring, or a list of up to 4 names to compare on the
    same rows. It is fixed when a run starts."""

    schedule: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """When to run, in the five fields of cron. Absent: once, now."""

    time_zone: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The zone that schedule is in, as Europe/Berlin. Absent: the controller manager's, which is
    UTC almost everywhere."""

    suspend: bool = False
    """With a schedule: start no further runs. Without: stop the pods of the run, which goes on
    where it was when this is false again."""

    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = "Forbid"
    """What happens when a run is due and the one before still goes on."""

    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] | None = None
    """How late a run may start that was missed. Absent: however late."""

    successful_jobs_history_limit: Annotated[int, Field(ge=1, le=20)] = 3
    """How many runs that came to their end keep their Jobs."""

    failed_jobs_history_limit: Annotated[int, Field(ge=1, le=20)] = 1
    """How many runs that failed keep their Jobs."""

    input: BatchInput
    """The rows to be scored."""

    output: BatchOutput
    """Where the scores go."""

    parallelism: Annotated[int, Field(ge=1, le=MAX_PARALLELISM)] = 4
    """How many pods score at once."""

    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] | None = None
    """Into how many parts the rows are split. Absent: 4 for each pod, at most 100."""

    on_bad_row: Literal["quarantine", "fail"] = "quarantine"
    """What happens to a row that breaks the model's contract: it goes to a file of its own, or it
    ends the run."""

    report: BatchReport = BatchReport()
    """What the report tells apart."""

    labels: BatchLabels | None = None
    """What is known already of what came to be. Absent: versions are compared without it."""

    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a shard is tried again whose pod failed or was lost with its node."""

    deadline_seconds: Annotated[int, Field(ge=10, le=2_592_000)] | None = None
    """How long the scoring of a run may take. Absent: however long."""

    resources: Resources = Field(default_factory=Resources)
    """Requests and limits of each pod's container. Absent: half a CPU, and 1Gi of memory as the
    limit."""

    pod_template: FreeForm = Field(default_factory=dict)
    """A patch of the pod template: env, volumes, nodeSelector, tolerations, imagePullSecrets
    and the like."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The names that are asked for; `CHAMPION` stands for whoever serves."""
        return (self.version,) if isinstance(self.version, str) else self.version

    @property
    def shard_count(self) -> int:
        """Into how many parts the rows are split, whatever their number."""
        return self.shards or min(100, SHARDS_PER_POD * self.parallelism)

    @property
    def work(self) -> str:
        """What is to be done, as 8 hexadecimal digits: another value is another run."""
        raw = self.as_raw()
        text = json.dumps([raw.get(name) for name in _OF_THE_WORK], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]
