"""`dohyo status NAME` of a ModelDeployment: how far its batch predictions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.api.batch_resource import parse_batch_status
from dohyo.api.violations import InvalidResource
from dohyo.cli.tables import table
from dohyo.contract.batch_evidence import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dohyo.api.batch_status import LabelledPair

_LABELS_HEADING = ("BATCH", "RUN", "VERSION", "LABELS", "LOSS", "BESIDE THE OTHERS")
_HEADING = ("BATCH", "PHASE", "VERSION", "PROGRESS", "ROWS", "BAD", "NEXT", "WHY")


def batch_lines(raws: Iterable[Mapping[str, Any]], model: str) -> Iterator[str]:
    """One line for each BatchPrediction of a model; nothing where there is none."""
    ours = [raw for raw in raws if (raw.get("spec") or {}).get("modelDeployment") == model]
    if ours:
        yield ""
        yield table(_HEADING, sorted(_row(raw) for raw in ours))
    labels = sorted(row for raw in ours for row in _label_rows(raw))
    if labels:
        yield ""
        yield table(_LABELS_HEADING, labels)


def _label_rows(raw: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Each version of the last run that has later labels, and how it does beside the others."""
    try:
        runs = parse_batch_status(raw).runs
    except InvalidResource:
        return  # told in the table above
    run = next((run for run in runs if run.labels), None)
    if run is None:
        return
    for told in run.labels:
        beside = [_beside(pair) for pair in run.paired if pair.other == told.name]
        loss = f"{told.loss} {told.mean:.4g}"
        yield (
            str(raw["metadata"]["name"]),
            run.name,
            told.name,
            str(told.rows),
            loss,
            "; ".join(beside),
        )


def _beside(pair: LabelledPair) -> str:
    """The paired test in words: of the same rows, and of no trial."""
    than = "against" if pair.verdict == UNDECIDED else "than"
    e_values = [value for value in (pair.better, pair.worse) if value is not None]
    strength = f" (e-value {max(e_values):.3g})" if e_values else ""
    gain = f"mean loss {abs(pair.gain):.4g} {'less' if pair.gain >= 0 else 'more'}"
    return f"{pair.verdict} {than} {pair.first}: {gain} on {pair.rows} rows of both{strength}"


def _row(raw: Mapping[str, Any]) -> tuple[str, ...]:
    name = str(raw["metadata"]["name"])
    try:
        status = parse_batch_status(raw)
    except InvalidResource as error:
        return (name, "Unknown", "", "", "", "", "", str(error))
    ready = next((c for c in status.conditions if c.type == "Ready"), None)
    why = "the operator has not looked at it yet; is it running?" if ready is None else ""
    if ready is not None and ready.status != "True":
        why = f"{ready.reason}: {ready.message}"
    shards = status.shards
    progress = status.summary.progress
    if shards.total:
        progress = f"{progress} ({shards.done}/{shards.total})"
    return (
        name,
        status.phase,
        status.version,
        progress,
        str(status.rows),
        str(status.bad_rows),
        status.next_schedule or "",
        why,
    )
