"""What a database holds, read behind the service's back."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

_DRIVERS = {"sqlite://": "sqlite+aiosqlite://", "postgresql://": "postgresql+asyncpg://"}


def with_driver(database: str) -> str:
    """The URL with the driver that the service puts into it."""
    for plain, driver in _DRIVERS.items():
        database = database.replace(plain, driver)
    return database


def stored(database: str) -> list[str]:
    """The nonces of all labels."""

    async def ask() -> list[str]:
        engine = create_async_engine(with_driver(database))
        async with engine.connect() as connection:
            found = list((await connection.execute(text("SELECT nonce FROM labels"))).scalars())
        await engine.dispose()
        return found

    return asyncio.run(ask())
