"""`dohyo status NAME` of a ModelDeployment: how far its batch predictions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.api.batch_resource import parse_batch_status
from dohyo.api.violations import InvalidResource
from dohyo.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_HEADING = ("BATCH", "PHASE", "VERSION", "PROGRESS", "ROWS", "BAD", "NEXT", "WHY")


def batch_lines(raws: Iterable[Mapping[str, Any]], model: str) -> Iterator[str]:
    """One line for each BatchPrediction of a model; nothing where there is none."""
    rows = [_row(raw) for raw in raws if (raw.get("spec") or {}).get("modelDeployment") == model]
    if rows:
        yield ""
        yield table(_HEADING, sorted(rows))


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
