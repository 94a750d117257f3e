"""The end of a run: are all shards there, what do they say together, and the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from dohyo.contract import batch
from dohyo.contract.batch import (
    REPORT_FILE,
    REPORT_PAGE,
    SUCCESS_FILE,
    BatchSummary,
    part_record,
)
from dohyo_batch.merging import pairs_of, versions_of
from dohyo_batch.page import page_of
from dohyo_batch.report import Totals, report_of
from dohyo_batch.score import done_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dohyo_batch.run import Run

    Record = Mapping[str, Any]
    LabelsOf = Callable[[str], dict[str, Any] | None]

# Of runs in one output folder, the newest first, when the one before is looked for.
_MOST_RUNS = 200


def finish(run: Run, now: datetime, labels_of: LabelsOf) -> BatchSummary:
    """Completes a run whose shards are complete; says which are not.

    Args:
        run: that is to end.
        now: the time of its end.
        labels_of: what labels that came later say of a run, by name.

    Raises:
        BatchError: the output cannot be read or written.
    """
    records = {shard: done_before(run, shard) for shard in range(run.manifest.shards)}
    left = tuple(shard for shard, record in records.items() if record is None)
    if left:
        named = ", ".join(map(str, left[:20]))
        return BatchSummary(
            batch.UNFINISHED,
            f"{len(left)} of {len(records)} shards are left: {named}; score them",
            left=left,
        )
    found = [record for record in records.values() if record is not None]
    broken = next(_broken(run, found), None)
    if broken is not None:
        shard, name = broken
        return BatchSummary(
            batch.UNFINISHED,
            f"{run.folder.shown}/{name}: is not what shard {shard} wrote; remove "
            f"{part_record(shard)} and score it again",
            left=(shard,),
        )
    before = run.folder.read(SUCCESS_FILE)
    if before is not None:
        return replace(_summary(run, orjson.loads(before)), reason=batch.DONE_BEFORE)
    return _completed(run, found, now, labels_of)


def _completed(
    run: Run, records: Sequence[Record], now: datetime, labels_of: LabelsOf
) -> BatchSummary:
    order, names = run.order, [each.name for each in run.order.versions]
    totals = Totals(
        run=run.manifest.run,
        started=_time(run.manifest.started),
        finished=now.isoformat(timespec="seconds"),
        rows=sum(record["rows"] for record in records),
        bad_rows=sum(record["badRows"] for record in records),
    )
    versions = versions_of(records, names, order.report)
    previous = _previous(run)
    if previous is not None:
        previous["labels"] = labels_of(previous["run"])
    report = report_of(order, totals, versions, pairs_of(records, names), previous)
    run.folder.replace(REPORT_FILE, _json(report))
    run.folder.replace(REPORT_PAGE, page_of(report).encode())
    success = {
        "name": order.name,
        "namespace": order.namespace,
        "run": totals.run,
        "startedAt": totals.started,
        "finishedAt": totals.finished,
        "started": run.manifest.started,
        "rows": totals.rows,
        "badRows": totals.bad_rows,
        "mean": {each["name"]: each["mean"] for each in report["versions"]},
        "parts": [each for record in records for _, each in _files(record)],
    }
    run.folder.replace(SUCCESS_FILE, _json(success))
    return _summary(run, success)


def _summary(run: Run, success: Record) -> BatchSummary:
    means = {name: mean for name, mean in success["mean"].items() if mean is not None}
    return BatchSummary(
        batch.DONE,
        f"{success['rows']} rows are scored, {success['badRows']} are in quarantine",
        success["rows"],
        success["badRows"],
        report=f"{run.folder.shown}/{REPORT_PAGE}",
        mean=means,
    )


def _broken(run: Run, records: Sequence[Record]) -> Iterator[tuple[int, str]]:
    """Files that are gone, or have another size than was written."""
    for record in records:
        for shard, each in _files(record):
            info = run.folder.info(each["name"])
            if info is None or info.size != each["bytes"]:
                yield shard, each["name"]


def _files(record: Record) -> Iterator[tuple[int, Record]]:
    parts = [told["part"] for told in record["versions"].values()]
    for each in (*parts, record["quarantine"]):
        if each is not None:
            yield record["shard"], each


def _previous(run: Run) -> dict[str, Any] | None:
    """The report of the run before, of the same BatchPrediction."""
    if run.order.previous is not None:
        named = [run.order.previous]
    else:
        named = [name for name in run.home.folders() if name != run.manifest.run]
    best: tuple[int, str] | None = None
    for name in sorted(named, reverse=True)[:_MOST_RUNS]:
        content = run.home.below(name).read(SUCCESS_FILE)
        told = orjson.loads(content) if content is not None else {}
        same = (told.get("name"), told.get("namespace")) == (run.order.name, run.order.namespace)
        if same and told["started"] < run.manifest.started:
            best = max(best or (0, ""), (told["started"], name))
    if best is None:
        return None
    content = run.home.below(best[1]).read(REPORT_FILE)
    return None if content is None else dict(orjson.loads(content))


def _json(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="seconds")
