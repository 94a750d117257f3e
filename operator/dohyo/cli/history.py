"""`dohyo history NAME`: bouts that are over, and what decided them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dohyo.api.resource import parse_metadata
from dohyo.cli.access import cluster
from dohyo.cli.standing import age, read_status
from dohyo.cli.tables import table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping

    from dohyo.api.status import HistoryEntry


def run(arguments: Namespace) -> int:
    """Prints the history, the newest bout first."""
    found = cluster(arguments)
    raw = found.one(arguments.namespace or found.namespace, arguments.name)
    if arguments.output == "json":
        print(json.dumps((raw.get("status") or {}).get("history", []), indent=2))
    else:
        print("\n".join(told(raw, datetime.now(UTC))))
    return 0


def told(raw: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """The history in lines.

    Raises:
        Complaint: the status cannot be read.
    """
    metadata = parse_metadata(raw)
    status = read_status(raw)
    if not status.history:
        yield f"no bout of {metadata.name} is over yet"
        return
    heading = ("ENDED", "CHAMPION", "CHALLENGER", "OUTCOME", "WHY")
    yield table(heading, (_line(entry, now) for entry in status.history))


def _line(entry: HistoryEntry, now: datetime) -> tuple[str, ...]:
    verdict = (entry.evidence or {}).get("verdict") or {}
    return (
        f"{age(entry.at, now)} ago",
        entry.champion,
        entry.challenger,
        entry.outcome,
        str(verdict.get("message", "")),
    )
