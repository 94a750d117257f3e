"""Rows of a batch → the tables, all of them in one transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, not_, update

from dohyo.contract.records import record_to_json
from dohyo_evidence.tables import (
    BATCH_LABELS,
    EVENTS,
    EXPOSURES,
    LABELS,
    OUTPUTS,
    PREDICTIONS,
    SERVED,
    TRIALS,
    WINDOWS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from dohyo.contract.records import WindowRecord
    from dohyo_evidence.arrivals import Rows
    from dohyo_evidence.database import Database

_EXPOSED = ("at", "challenger", "champion_share", "challenger_share", "bucket", "epoch", "by_event")


async def store(database: Database, rows: Rows) -> None:
    """Writes a batch; when this returns, all of it outlives a crash.

    Rows go in by the order of their keys, so that two batches never wait for each other.
    """
    async with database.writing() as connection:
        await _labels(database, connection, rows)
        if rows.predictions:
            await database.upsert(connection, PREDICTIONS, _ordered(rows.predictions))
        if rows.events:
            await database.upsert(connection, EVENTS, _ordered(rows.events))
        if rows.exposures:
            await database.upsert(
                connection,
                EXPOSURES,
                _ordered(rows.exposures),
                # The earliest word on a unit counts, until it is settled.
                set_=lambda new: {name: new[name] for name in _EXPOSED},
                where=lambda new: and_(not_(EXPOSURES.c.settled), EXPOSURES.c.at > new.at),
            )
        if rows.served:
            await database.upsert(
                connection,
                SERVED,
                _ordered(rows.served),
                set_=lambda new: {"requests": new.requests},
                where=lambda new: SERVED.c.requests < new.requests,
            )
        for trial, sample in sorted(rows.samples.items()):
            if sample < 1.0:
                smaller = and_(TRIALS.c.id == trial, TRIALS.c.sample > sample)
                await connection.execute(update(TRIALS).where(smaller).values(sample=sample))


async def store_windows(
    database: Database, namespace: str, records: Sequence[WindowRecord]
) -> None:
    """Writes counts of closed windows; a window that is known already is left as it is."""
    rows, outputs = {}, {}
    for record in records:
        who = {
            "namespace": namespace,
            "deployment": record.deployment,
            "version": record.version,
        }
        key = (*who.values(), record.replica, record.shadow, record.started)
        rows[key] = {
            **who,
            "replica": record.replica[:128],
            "shadow": record.shadow,
            "started": record.started,
            "ended": record.ended,
            "requests": record.requests,
            "dropped": record.dropped,
            "document": json.dumps(record_to_json(record)),
        }
        classes = getattr(record, "classes", ())
        if classes:
            outputs[tuple(who.values())] = {**who, "classes": json.dumps(classes)}
    async with database.writing() as connection:
        if rows:
            await database.upsert(connection, WINDOWS, _ordered(rows))
        if outputs:
            await database.upsert(
                connection, OUTPUTS, _ordered(outputs), set_=lambda new: {"classes": new.classes}
            )


async def _labels(database: Database, connection: AsyncConnection, rows: Rows) -> None:
    if rows.labels:
        await database.upsert(
            connection,
            LABELS,
            _ordered(rows.labels),
            # The last word counts; when it came says how long labels take, so the first one stays.
            set_=lambda new: {"label": new.label, "reward": new.reward},
        )
    if rows.batch_labels:
        await database.upsert(
            connection,
            BATCH_LABELS,
            _ordered(rows.batch_labels),
            set_=lambda new: {"label": new.label},
        )


def _ordered(rows: dict[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    return [rows[key] for key in sorted(rows)]
