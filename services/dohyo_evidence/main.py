"""`dohyo-evidence`: runs until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from typing import Final

import uvloop
from aiohttp import web

from dohyo.contract import logs
from dohyo.contract.environment import VariableError
from dohyo.contract.keys import KeyRing, KeysError
from dohyo_evidence.database import Database
from dohyo_evidence.service import DATABASE_ERRORS, Service
from dohyo_evidence.settings import Settings, read_settings
from dohyo_evidence.web import application

_LOG: Final = logging.getLogger("dohyo_evidence")
_QUIET: Final = ("aiohttp.access", "alembic", "sqlalchemy")
# For how long a database may be away when the service starts.
_PATIENCE_SECONDS: Final = 120.0
_BETWEEN_TRIES_SECONDS: Final = 1.0


def main() -> None:
    """Runs the service; exit code 1 with one line when it cannot even start."""
    try:
        settings = read_settings(os.environ)
        logs.set_up(settings.log_level, _QUIET)
        uvloop.run(_serve(settings))
    except (VariableError, KeysError, *DATABASE_ERRORS) as error:
        sys.exit(f"dohyo-evidence: {' '.join(str(error).split())[:500]}")


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; what is under way then is finished first."""
    keys = KeyRing(settings.keys) if settings.keys is not None else None
    database = Database(settings.database)
    service = Service(settings, database, time.time, keys)
    runner = web.AppRunner(application(service, settings), access_log=None)
    try:
        await _migrated(database, stop)
        await runner.setup()
        await web.TCPSite(runner, host=settings.host, port=settings.port).start()
        _LOG.info("serving on port %d", settings.port)
        await service.run(stop)
    finally:
        await runner.cleanup()
        await database.close()


async def _migrated(database: Database, stop: asyncio.Event) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not stop.is_set():
        try:
            await database.migrate()
        except DATABASE_ERRORS as error:
            if time.monotonic() > give_up:
                raise
            _LOG.warning("waiting for the database: %s", " ".join(str(error).split())[:300])
            await asyncio.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return


if __name__ == "__main__":
    main()
