"""The database: one engine, one writer at a time where the database knows only one."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

# Any two numbers that no other program of this database takes.
_MIGRATING: Final = 6_407_001


class Database:
    """Connections to SQLite (one process, one writer) or PostgreSQL (any number of either)."""

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"pool_size": connections, "pool_pre_ping": True, "pool_timeout": 10}
            options["connect_args"] = {"timeout": 5, "command_timeout": 60}
        self.engine = create_async_engine(url, **options)
        self._writing = asyncio.Lock()
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    async def migrate(self) -> None:
        """Brings the tables to the newest form; of several processes one does, the others wait."""
        async with self.engine.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
            await connection.run_sync(_upgrade)

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is on disk when the block ends without an error."""
        async with contextlib.AsyncExitStack() as stack:
            if self.is_sqlite:
                await stack.enter_async_context(self._writing)
            yield await stack.enter_async_context(self.engine.begin())

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()

    async def insert_new(
        self,
        connection: AsyncConnection,
        table: Table,
        row: Mapping[str, Any],
        key: Sequence[Any],
    ) -> None:
        """Inserts one row, unless another process was quicker with the same key."""
        insert = sqlite.insert if self.is_sqlite else postgresql.insert
        statement = insert(table).values(dict(row)).on_conflict_do_nothing(index_elements=key)
        await connection.execute(statement)

    async def upsert(
        self,
        connection: AsyncConnection,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        **conflict: Any,
    ) -> None:
        """Inserts rows; where the key is there already, sets what `conflict` says, or nothing.

        Args:
            connection: of a transaction.
            table: with a primary key.
            rows: with different keys, all with the same columns.
            conflict: `set_` (function from the new row's columns to values by column) and
                optionally `where` (function from them to a condition).
        """
        insert = sqlite.insert if self.is_sqlite else postgresql.insert
        statement: Any = insert(table)
        keys = list(table.primary_key.columns)
        if conflict:
            new = statement.excluded
            where = conflict["where"](new) if "where" in conflict else None
            statement = statement.on_conflict_do_update(
                index_elements=keys, set_=conflict["set_"](new), where=where
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        await connection.execute(statement, [dict(row) for row in rows])


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # An acknowledged row outlives a killed process and a lost machine.
    # Temporary files would go to a root file system that is read-only in a pod.
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "temp_store=MEMORY")
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(connection: Connection) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
