"""What is too old to matter → gone; a trial's first exposures stay as long as the trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from dohyo_evidence.tables import (
    BATCH_LABELS,
    EVENTS,
    EXPOSURES,
    LABELS,
    PREDICTIONS,
    SERVED,
    TRIALS,
    WINDOWS,
)

if TYPE_CHECKING:
    from dohyo_evidence.database import Database


async def purge(database: Database, before: float) -> dict[str, int]:
    """Deletes rows of things that happened before a time, and trials not declared since.

    Returns:
        How many rows went, by table.
    """
    gone: dict[str, int] = {}
    async with database.writing() as connection:
        old = select(TRIALS.c.id).where(TRIALS.c.updated < before)
        for table in (EXPOSURES, EVENTS, LABELS, PREDICTIONS, SERVED):
            rows = await connection.execute(delete(table).where(table.c.trial.in_(old)))
            gone[table.name] = rows.rowcount
        for table in (BATCH_LABELS, EVENTS, LABELS, PREDICTIONS):
            rows = await connection.execute(delete(table).where(table.c["at"] < before))
            gone[table.name] = gone.get(table.name, 0) + rows.rowcount
        rows = await connection.execute(delete(TRIALS).where(TRIALS.c.updated < before))
        gone[TRIALS.name] = rows.rowcount
        past = delete(WINDOWS).where(WINDOWS.c.ended < int(before * 1e6))
        gone[WINDOWS.name] = (await connection.execute(past)).rowcount
    return gone
