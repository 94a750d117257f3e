"""The status of a BatchPrediction as frozen typed values.

Read leniently (a newer operator may have written more), written without empty fields.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from dohyo.api.batchprediction import MAX_COMPARED
from dohyo.api.conditions import Conditions
from dohyo.api.scalars import BY_NAME, Name, Number, ReadModel, ShortText
from dohyo.api.status import Count, Message, Time

MAX_RUNS: Final = 10
MAX_PAIRS: Final = MAX_COMPARED * (MAX_COMPARED - 1) // 2

RunState = Literal["Pending", "Scoring", "Finishing", "Suspended", "Succeeded", "Failed"]
GOING_ON: Final = ("Pending", "Scoring", "Finishing", "Suspended")


class ScoringVersion(ReadModel):
    """A version as it was when a run began."""

    name: Name
    """The version's name."""

    bento: Annotated[str, Field(max_length=127)]
    """The bento's tag."""

    digest: Annotated[str, Field(max_length=71)] | None = None
    """The SHA-256 of the bento's archive: of the spec, or as it was fetched."""


class ShardCounts(ReadModel):
    """How far a run is."""

    total: Count = 0
    """Into how many parts the rows are split."""

    done: Count = 0
    """Parts that are scored and written."""

    failed: Count = 0
    """Parts that are given up."""


class LabelledVersion(ReadModel):
    """A version against the labels that came after the run."""

    name: Name
    """The version's name."""

    rows: Count
    """Rows whose label came with the version's prediction ids."""

    loss: ShortText
    """What is counted: zero-one for classes, absolute error for numbers."""

    mean: Number
    """The mean loss over these rows."""


class LabelledPair(ReadModel):
    """Two versions on the rows whose label came with both ids; no trial learns from it."""

    first: Name
    """The version that the other is compared with."""

    other: Name
    """The version that is compared."""

    rows: Count
    """Rows that both scored, with a label."""

    gain: Number
    """By how much the other's mean loss is smaller."""

    better: Number | None = None
    """The e-value against: the other is no better. Absent for absolute errors."""

    worse: Number | None = None
    """The e-value against: the other is no worse. Absent for absolute errors."""

    verdict: ShortText
    """On the other: better, worse or undecided."""


class BatchRun(ReadModel):
    """One run over the data."""

    name: ShortText
    """The run's name: of its Job, and of its folder in the output."""

    state: RunState
    """Pending, Scoring, Finishing, Suspended, Succeeded or Failed."""

    versions: Annotated[
        tuple[ScoringVersion, ...], Field(max_length=MAX_COMPARED, json_schema_extra=BY_NAME)
    ] = ()
    """The versions that score, fixed when it began."""

    shards: ShardCounts = ShardCounts()
    """How far it is."""

    rows: Count = 0
    """Rows that are scored, as far as shards are done."""

    bad_rows: Count = 0
    """Rows that broke the model's contract."""

    started_at: Time | None = None
    """When it began."""

    finished_at: Time | None = None
    """When it ended."""

    seconds: Annotated[Number, Field(ge=0)] | None = None
    """How long it took."""

    peak_memory_bytes: Count = 0
    """The most memory that one pod has used."""

    output: Annotated[str, Field(max_length=2400)] | None = None
    """The folder with its scores."""

    report: Annotated[str, Field(max_length=2400)] | None = None
    """Its report, once it is written."""

    reason: ShortText | None = None
    """Why it is not further, in one word."""

    message: Message | None = None
    """Why it is not further, in a sentence."""

    labels: Annotated[
        tuple[LabelledVersion, ...], Field(max_length=MAX_COMPARED, json_schema_extra=BY_NAME)
    ] = ()
    """What labels that came later say of each version."""

    paired: Annotated[tuple[LabelledPair, ...], Field(max_length=MAX_PAIRS)] = ()
    """What they say of each two versions, on the rows that both scored."""


class BatchSummaryLine(ReadModel):
    """What `kubectl get` prints."""

    versions: ShortText = ""
    """The versions of the last run."""

    progress: ShortText = ""
    """Percent of its shards that are done."""


class BatchPredictionStatus(ReadModel):
    """What a batch prediction has done, and what it does now."""

    observed_generation: Count = 0
    """The generation of the spec that this speaks of."""

    phase: ShortText = ""
    """One word for a reader; the truth is in the conditions."""

    version: ShortText = ""
    """The versions of the last run, with a comma between them."""

    versions: Annotated[
        tuple[ScoringVersion, ...], Field(max_length=MAX_COMPARED, json_schema_extra=BY_NAME)
    ] = ()
    """The same with their bentos and digests."""

    rows: Count = 0
    """Rows of the last run that are scored."""

    bad_rows: Count = 0
    """Rows of the last run that broke the model's contract."""

    shards: ShardCounts = ShardCounts()
    """How far the last run is."""

    started_at: Time | None = None
    """When the last run began."""

    finished_at: Time | None = None
    """When the last run ended."""

    output: Annotated[str, Field(max_length=2400)] | None = None
    """The folder with the scores of the last run."""

    report: Annotated[str, Field(max_length=2400)] | None = None
    """The report of the last run that has one."""

    last_schedule: Time | None = None
    """When a run was last started by the schedule."""

    next_schedule: Time | None = None
    """When the schedule starts the next run."""

    next_version: ShortText = ""
    """The versions that the next run of the schedule scores with."""

    summary: BatchSummaryLine = BatchSummaryLine()
    """The line that `kubectl get` prints."""

    runs: Annotated[
        tuple[BatchRun, ...], Field(max_length=MAX_RUNS, json_schema_extra=BY_NAME)
    ] = ()
    """The last runs, the newest first."""

    ended: Annotated[dict[ShortText, Count], Field(max_length=4)] = Field(default_factory=dict)
    """How many runs have ended in all, by how they ended."""

    conditions: Conditions = ()
    """What is true of it now."""

    def run(self, name: str) -> BatchRun | None:
        return next((run for run in self.runs if run.name == name), None)
