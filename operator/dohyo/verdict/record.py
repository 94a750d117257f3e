"""What decided a bout, small enough for the history in the status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dohyo.api.status import RolloutStatus

MAX_RECORD_BYTES: Final = 2048


def evidence_record(trial: RolloutStatus) -> dict[str, Any]:
    """The trial's verdict as JSON values, in at most MAX_RECORD_BYTES.

    What does not fit goes in this order: numbers of gates, messages of gates from the last one on,
    the overall message.
    """
    record = trial.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        include={"trial", "attempt", "step", "started_at", "thresholds", "verdict"},
    )
    gates: list[dict[str, Any]] = record.get("verdict", {}).get("gates", [])
    for dropped in ("champion", "challenger", "lower", "upper", "effect", "dryRun"):
        if _size(record) <= MAX_RECORD_BYTES:
            return record
        for gate in gates:
            gate.pop(dropped, None)
    for gate in reversed(gates):
        if _size(record) <= MAX_RECORD_BYTES:
            return record
        gate.pop("message", None)
    if _size(record) > MAX_RECORD_BYTES:
        record["verdict"].pop("message", None)
    while _size(record) > MAX_RECORD_BYTES and gates:
        gates.pop()
    return record


def _size(record: dict[str, Any]) -> int:
    return len(json.dumps(record, ensure_ascii=False).encode())
