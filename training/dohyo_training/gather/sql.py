"""Rows that a database gives: one query, by SQLAlchemy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.config.data import SqlSource
    from dohyo_training.gather.memory import MemoryBound


def read_sql(source: SqlSource, base: Path, bound: MemoryBound) -> pd.DataFrame:
    """What the query of a source gives, part by part within the bound.

    Raises:
        DataComplaint: no driver, no such database, or the query failed.
    """
    try:
        engine = sqlalchemy.create_engine(_url(source, base))
    except ImportError as error:
        raise DataComplaint(
            f"source {source.name!r}: the driver of the database is not installed ({error})"
        ) from None
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            query = sqlalchemy.text(source.query)
            parts = pd.read_sql_query(query, connection, chunksize=50_000)
            return bound.gathered(parts)
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        # pandas wraps SQLAlchemy's error, which wraps that of the driver.
        cause: Any = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        raise DataComplaint(f"source {source.name!r}: the query failed: {reason}") from None
    finally:
        engine.dispose()


def _url(source: SqlSource, base: Path) -> sqlalchemy.URL:
    text = source.url or os.environ.get(source.url_variable, "")
    if not text:
        raise DataComplaint(
            f"source {source.name!r}: the variable {source.url_variable} is empty; put the URL of "
            "the database there"
        )
    try:
        url = sqlalchemy.make_url(text)
    except sqlalchemy.exc.ArgumentError:
        raise DataComplaint(
            f"source {source.name!r}: the variable {source.url_variable} holds no database URL"
        ) from None
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return url
    path = base / str(url.database)
    if not path.is_file():
        raise DataComplaint(f"source {source.name!r}: there is no file {path}")
    return url.set(database=str(path))
