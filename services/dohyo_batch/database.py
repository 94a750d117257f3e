"""The rows of a query, by ranges of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from dohyo.contract import batch
from dohyo.contract.batch import ENV_SQL_URL
from dohyo_batch.complaint import BatchError
from dohyo_batch.manifest import InputFile, Piece
from dohyo_batch.reading import CHUNK_ROWS, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dohyo.contract.batch import BatchInput
    from dohyo_batch.manifest import Manifest

# Ranges for each shard, so that keys which are not spread evenly are dealt evenly all the same.
RANGES_PER_SHARD: Final = 8


class Query:
    """A SELECT, as a source of rows."""

    text = False

    def __init__(self, order: BatchInput, shards: int, environ: Mapping[str, str]) -> None:
        """Prepares the connection; nothing is asked yet.

        Raises:
            BatchError: the url is none, or its driver is not installed.
        """
        assert order.query is not None
        self._shown = order.uri.partition("?")[0]
        self._key = order.key
        self._ranges = shards * RANGES_PER_SHARD
        try:
            self._engine = sa.create_engine(environ.get(ENV_SQL_URL) or order.uri)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise BatchError(
                batch.INVALID_ORDER,
                f"{self._shown}: {error}; write dialect+driver://host/database",
            ) from error
        # A comment at the end of the query must not swallow what is put around it.
        self._query = sa.text(f"({order.query.strip().rstrip(';')}\n) AS given")

    def units(self) -> tuple[list[InputFile], list[Piece]]:
        with self._told(), self._engine.connect() as connection:
            if self._key is None:
                count = sa.select(sa.func.count()).select_from(self._query)
                rows = int(connection.execute(count).scalar_one())
                return [], [Piece(-1, 0, rows)] if rows else []
            return [], self._by_key(connection)

    def names(self, _piece: Piece, _manifest: Manifest) -> list[str] | None:
        with self._told(), self._engine.connect() as connection:
            none = sa.select(sa.text("*")).select_from(self._query).where(sa.false())
            return list(connection.execute(none).keys())

    def chunks(self, piece: Piece, _manifest: Manifest, wanted: Sequence[str]) -> Iterator[Chunk]:
        columns: list[Any] = [sa.column(name) for name in wanted]
        rows = sa.select(*columns).select_from(self._query)
        if self._key is not None:
            key: Any = sa.column(self._key)
            rows = rows.where(key >= piece.start, key < piece.end).order_by(key)
        rows = rows.offset(piece.skip).limit(piece.rows)
        first = piece.first
        with self._told(), self._engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True).execute(rows)
            for part in streamed.partitions(CHUNK_ROWS):
                values = [list(each) for each in zip(*part, strict=True)]
                numbers = np.arange(first, first + len(part))
                yield Chunk(numbers, dict(zip(wanted, values, strict=True)))
                first += len(part)
        if first != piece.first + piece.rows:
            raise BatchError(
                batch.INPUT_CHANGED,
                f"{self._shown}: the query gives {first - piece.first} rows where it gave "
                f"{piece.rows} when this run was planned; start another run",
            )

    def _by_key(self, connection: sa.Connection) -> list[Piece]:
        key: Any = sa.column(str(self._key), sa.BigInteger)
        count, keys, different, low, high = connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.count(key),
                sa.func.count(sa.distinct(key)),
                sa.func.min(key),
                sa.func.max(key),
            ).select_from(self._query)
        ).one()
        if not count:
            return []
        if not (count == keys == different) or type(low) is not int or type(high) is not int:
            raise BatchError(
                batch.INVALID_ORDER,
                f"input.key: {self._key!r}: of {count} rows {keys} have it and {different} "
                f"differ, from {low!r} to {high!r}; name a whole-number column that is unique",
            )
        width = max(1, -(-(high - low + 1) // self._ranges))
        bucket = (key - low) // width
        counted = connection.execute(
            sa.select(bucket.label("place"), sa.func.count())
            .select_from(self._query)
            .group_by(sa.text("place"))
            .order_by(sa.text("place"))
        ).all()
        return [
            Piece(-1, 0, int(rows), start=low + int(at) * width, end=low + (int(at) + 1) * width)
            for at, rows in counted
        ]

    def _told(self) -> _Told:
        return _Told(self._shown)


class _Told:
    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OperationalError):
            words = " ".join(str(error.orig).split())
            lower = words.lower()
            if "password" in lower or "authentication" in lower or "access denied" in lower:
                raise BatchError(
                    batch.NO_CREDENTIALS,
                    f"{self._shown}: {words}; give the whole URL with its login in {ENV_SQL_URL}",
                ) from error
            raise BatchError(batch.UNAVAILABLE, f"{self._shown}: {words}") from error
        if isinstance(error, SQLAlchemyError):
            words = " ".join(str(getattr(error, "orig", None) or error).split())
            raise BatchError(
                batch.INVALID_ORDER, f"{self._shown}: {words[:300]}; correct input.query"
            ) from error
