"""A run over a data set: the order for it, how its pods end, and how its files are called.

The operator writes a `BatchOrder` into a ConfigMap, `dohyo batch` into a temporary file; the
program of a shard reads it and nothing else. Nothing in it is secret: credentials come by the
environment. Documents are JSON by `dohyo.contract.documents`: camelCase, None left out.

A run's folder, under the output's uri:

    manifest.json           the plan: written once, by whoever is first
    part-00007-v12.parquet  scores of shard 7 by version v12, where the shard has any row
    quarantine-00007.parquet  its bad rows
    part-00007.json         written last: with it the shard is complete
    report.html, report.json, _SUCCESS.json  of the end
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dohyo.contract.documents import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

ORDER_FILE: Final = "/order/order.json"
# Each version's bento, unpacked: BENTOS_FOLDER/<version>.
BENTOS_FOLDER: Final = "/bentos"
FORMATS: Final = ("parquet", "csv", "json", "sql")
QUARANTINE: Final = "quarantine"
FAIL: Final = "fail"
EVERY: Final = ("day", "week", "month")

# What a pod finds in its environment, beside the credentials of its data.
ENV_RUN: Final = "DOHYO_BATCH_RUN"
ENV_INDEX: Final = "JOB_COMPLETION_INDEX"
ENV_LAST_WORDS: Final = "DOHYO_TERMINATION_LOG"
ENV_KEYS: Final = "DOHYO_KEYS"
# How often a shard prints how far it is, as {"shard": …, "done": rows, "of": rows}.
ENV_PROGRESS: Final = "DOHYO_BATCH_PROGRESS_SECONDS"
# A whole URL of SQLAlchemy, with the login that the order's uri must not hold.
ENV_SQL_URL: Final = "DOHYO_SQL_URL"
# Before the name of a variable that counts for the output alone.
OUTPUT_PREFIX: Final = "DOHYO_OUTPUT_"
# Says that the output has credentials of its own, though there may be none of them.
ENV_OUTPUT_OWN: Final = "DOHYO_OUTPUT_OWN"
LAST_WORDS_FILE: Final = "/dev/termination-log"

# How a pod ends. A shard that was complete before it began is done as well.
EXIT_DONE: Final = 0
EXIT_AGAIN: Final = 1
EXIT_HOPELESS: Final = 2

# Why, in `BatchSummary.reason`.
DONE: Final = "Done"
DONE_BEFORE: Final = "DoneBefore"
# Hopeless: the same again would end the same.
INVALID_ORDER: Final = "InvalidOrder"
INPUT_NOT_FOUND: Final = "InputNotFound"
INPUT_UNREADABLE: Final = "InputUnreadable"
INPUT_CHANGED: Final = "InputChanged"
MISSING_COLUMN: Final = "MissingColumn"
NO_CREDENTIALS: Final = "NoCredentials"
OUTPUT_EXISTS: Final = "OutputExists"
BAD_ROW: Final = "BadRow"
BENTO_FAILED: Final = "BentoFailed"
# What may pass.
NO_SPACE: Final = "NoSpace"
UNAVAILABLE: Final = "Unavailable"
INTERRUPTED: Final = "Interrupted"
UNFINISHED: Final = "Unfinished"
UNEXPECTED: Final = "Unexpected"
HOPELESS: Final = (
    INVALID_ORDER,
    INPUT_NOT_FOUND,
    INPUT_UNREADABLE,
    INPUT_CHANGED,
    MISSING_COLUMN,
    NO_CREDENTIALS,
    OUTPUT_EXISTS,
    BAD_ROW,
    BENTO_FAILED,
)

MANIFEST_FILE: Final = "manifest.json"
SUCCESS_FILE: Final = "_SUCCESS.json"
REPORT_PAGE: Final = "report.html"
REPORT_FILE: Final = "report.json"


@dataclass(frozen=True)
class OrderedVersion:
    """One version that scores every row.

    Attributes:
        name: in the ring.
        bento: its tag, such as satisfaction:2026-11-20.
        folder: where the unpacked bento lies.
        digest: of its content, as sha256:…; None where nobody has said it.
    """

    name: str
    bento: str
    folder: str
    digest: str | None = None


@dataclass(frozen=True)
class BatchInput:
    """The rows.

    Attributes:
        uri: of a file, or of a folder whose files of that format are all read.
        format: of FORMATS; json has one object in a line.
        columns: field of the model → column of the data, where the names differ.
        query: sql: a SELECT.
        key: sql: the whole-number column by whose ranges it is split; None reads it as one.
    """

    uri: str
    format: str = "parquet"
    columns: Mapping[str, str] | None = None
    query: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class BatchOutput:
    """Where the scores go.

    Attributes:
        uri: a folder; each run has one of its own in it.
        format: parquet.
        include: columns of the input that are copied to the scores.
    """

    uri: str
    format: str = "parquet"
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchReportOrder:
    """What the report tells apart.

    Attributes:
        group_by: columns whose values make the groups; none: all rows are one.
        time: column with each row's time; None: no course over time.
        every: day, week or month: how long a point of that course is.
    """

    group_by: tuple[str, ...] = ()
    time: str | None = None
    every: str = "week"


@dataclass(frozen=True)
class BatchLabels:
    """What is known already of what came to be.

    Attributes:
        column: with the true value; empty where it is not known yet. None: no labels.
    """

    column: str | None = None


@dataclass(frozen=True)
class BatchOrder:
    """One run over a data set, whoever carries it out.

    Attributes:
        name, namespace: the BatchPrediction.
        run: names the run and its folder; empty where ENV_RUN says it.
        deployment: the ModelDeployment; it signs prediction ids.
        versions: each scores every row; the report compares the others with the first.
        input, output: the data.
        shards: into how many parts the rows are split; some may stay empty.
        on_bad_row: QUARANTINE or FAIL.
        report: what it tells apart.
        evidence_url: where drift counts are told; None tells nobody.
        labels: for comparing versions.
        previous: the folder's name of the run that this one is compared with; None: the last
            one before it that came to its end.
    """

    name: str
    namespace: str
    run: str
    deployment: str
    versions: tuple[OrderedVersion, ...]
    input: BatchInput
    output: BatchOutput
    shards: int = 1
    on_bad_row: str = QUARANTINE
    report: BatchReportOrder = BatchReportOrder()
    evidence_url: str | None = None
    labels: BatchLabels = BatchLabels()
    previous: str | None = None


@dataclass(frozen=True)
class BatchSummary:
    """A pod's last words: one line of JSON, also when it failed.

    Attributes:
        reason: one of the words above.
        message: in a sentence: place, value and the way out.
        rows: scored (by each version); of the whole run when it is the end that speaks.
        bad_rows: in quarantine.
        seconds: of work.
        peak_memory_bytes: the most that the process held.
        shard: None: the end speaks.
        run: names the run.
        left: shards without their `part-*.json`; of the end only.
        report: where the report's page lies; of the end only.
        mean: of the predictions, by version: the end's.
    """

    reason: str
    message: str
    rows: int = 0
    bad_rows: int = 0
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    shard: int | None = None
    run: str = ""
    left: tuple[int, ...] | None = None
    report: str | None = None
    mean: Mapping[str, float] | None = None

    @property
    def exit_code(self) -> int:
        if self.reason in (DONE, DONE_BEFORE):
            return EXIT_DONE
        return EXIT_HOPELESS if self.reason in HOPELESS else EXIT_AGAIN


def part_file(shard: int, version: str) -> str:
    """The name of a shard's scores by one version."""
    return f"part-{shard:05d}-{version}.parquet"


def part_record(shard: int) -> str:
    """The name of what is written last: with it the shard is complete."""
    return f"part-{shard:05d}.json"


def quarantine_file(shard: int) -> str:
    return f"quarantine-{shard:05d}.parquet"


def order_problem(order: BatchOrder) -> str | None:
    """What is wrong with an order that has the right shape: place, value and the way out."""
    sql = order.input.format == "sql"
    names = [version.name for version in order.versions]
    findings = (
        (
            order.input.format not in FORMATS,
            f"input.format: {order.input.format!r}; choose one of {', '.join(FORMATS)}",
        ),
        (
            order.output.format != "parquet",
            f"output.format: {order.output.format!r}; scores are written as parquet",
        ),
        (
            sql != (order.input.query is not None),
            "input.query: goes with input.format: sql, and only with it",
        ),
        (
            order.on_bad_row not in (QUARANTINE, FAIL),
            f"onBadRow: {order.on_bad_row!r}; choose {QUARANTINE} or {FAIL}",
        ),
        (
            order.report.every not in EVERY,
            f"report.every: {order.report.every!r}; choose one of {', '.join(EVERY)}",
        ),
        (order.shards < 1, f"shards: {order.shards}; choose at least 1"),
        (
            not names or len(set(names)) != len(names),
            f"versions: {names}; name at least one, and each once",
        ),
    )
    return next((text for wrong, text in findings if wrong), None)


def summary_document(summary: BatchSummary) -> dict[str, object]:
    """The summary as JSON knows it, its message cut to what fits into last words."""
    document: dict[str, object] = to_json(summary)
    # Escapes can make twelve bytes of one character.
    document["message"] = summary.message[:512]
    return document
