"""The rows of an input, file by file: how they are counted for the plan, and read for a shard."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dohyo.contract import batch
from dohyo_batch.complaint import BatchError
from dohyo_batch.intake import ABSENT
from dohyo_batch.manifest import InputFile, Piece
from dohyo_batch.text_ranges import OpenQuoteError, text_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dohyo_batch.intake import Given
    from dohyo_batch.manifest import Manifest
    from dohyo_batch.places import Place

# More gain no speed, and cost memory.
CHUNK_ROWS: Final = 8_192
# For each column of a row group: a request to a store is dear, a read of a disk is not.
_NEAR_BYTES, _FAR_BYTES = 1 << 14, 1 << 20
_ENDINGS: Final = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".txt"),
    "json": (".json", ".jsonl", ".ndjson"),
}
# Enough records to say that none has a column, and it is not one record's own mistake.
_TELLING_ROWS: Final = 20


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read at all.

    Attributes:
        row: its number in the whole input.
        text: its beginning.
        reason: what is wrong with it.
    """

    row: int
    text: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Some rows.

    Attributes:
        rows: their numbers in the whole input.
        columns: by name, all as long as `rows`.
        broken: records between them that cannot be read.
    """

    rows: NDArray[np.int64]
    columns: dict[str, Given]
    broken: list[Broken] = field(default_factory=list)


class Source(Protocol):
    """An input of one format."""

    text: bool
    """Whether every value is a text."""

    def units(self) -> tuple[list[InputFile], list[Piece]]:
        """Its files, and the parts that can be read by themselves, with their numbers of rows."""

    def names(self, piece: Piece, manifest: Manifest) -> list[str] | None:
        """The columns of a piece; None when each record may have others."""

    def chunks(self, piece: Piece, manifest: Manifest, wanted: Sequence[str]) -> Iterator[Chunk]:
        """The rows of a piece."""


class _Files:
    """What the formats of files have in common."""

    format = ""
    text = False

    def __init__(self, place: Place) -> None:
        self._place = place

    def units(self) -> tuple[list[InputFile], list[Piece]]:
        found = [each for each in self._place.files() if self._fits(each.path)]
        if not found:
            raise BatchError(
                batch.INPUT_NOT_FOUND,
                f"{self._place.shown}: no file ends in {' or '.join(_ENDINGS[self.format])}; "
                "correct input.uri or input.format",
            )
        # Asked one by one, as before they are read: some stores list other etags.
        files = [self._now(each.path) for each in found]
        units = [unit for number, each in enumerate(files) for unit in self._units(number, each)]
        if not units:
            raise BatchError(
                batch.INPUT_NOT_FOUND, f"{self._place.shown}: there are files, and no row in them"
            )
        return files, units

    def _fits(self, path: str) -> bool:
        # A single file may be called as it likes.
        return not path or path.lower().endswith(_ENDINGS[self.format])

    def _units(self, number: int, file: InputFile) -> list[Piece]:
        raise NotImplementedError

    def _unchanged(self, piece: Piece, manifest: Manifest) -> InputFile:
        file = manifest.files[piece.file]
        if self._now(file.path) != file:
            raise BatchError(
                batch.INPUT_CHANGED,
                f"{self.shown(file)}: is not the file that this run was planned with; "
                "start another run",
            )
        return file

    def _now(self, path: str) -> InputFile:
        found = self._place.info(path)
        return InputFile(path, found.size if found else -1, found.etag if found else "")

    def shown(self, file: InputFile) -> str:
        return f"{self._place.shown.rstrip('/')}/{file.path}".rstrip("/")

    def _unreadable(self, file: InputFile, error: object) -> BatchError:
        words = " ".join(str(error).split())
        return BatchError(
            batch.INPUT_UNREADABLE,
            f"{self.shown(file)}: is no whole {self.format}: {words[:200]}; write it anew",
        )


class ParquetFiles(_Files):
    """Row groups of Parquet files."""

    format = "parquet"

    def _units(self, number: int, file: InputFile) -> list[Piece]:
        with self._place.open(file.path) as handle:
            meta = self._opened(file, handle).metadata
        rows = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        return [Piece(number, 0, count, group=g) for g, count in enumerate(rows) if count]

    def names(self, piece: Piece, manifest: Manifest) -> list[str] | None:
        file = self._unchanged(piece, manifest)
        with self._place.open(file.path) as handle:
            return list(self._opened(file, handle).schema_arrow.names)

    def chunks(self, piece: Piece, manifest: Manifest, wanted: Sequence[str]) -> Iterator[Chunk]:
        file = self._unchanged(piece, manifest)
        with self._place.open(file.path) as handle:
            parquet = self._opened(file, handle)
            # No column chunk is held whole: memory does not grow with the row group.
            batches = parquet.iter_batches(
                CHUNK_ROWS, row_groups=[piece.group], columns=list(wanted), use_threads=False
            )
            try:
                yield from _sliced(batches, piece)
            except (pa.ArrowInvalid, OSError) as error:
                raise self._unreadable(file, error) from error

    def _opened(self, file: InputFile, handle: IO[bytes]) -> pq.ParquetFile:
        try:
            if self._place.local:
                # Arrow reads a file of its own faster than one of Python's.
                own = pa.OSFile(handle.name)
                return pq.ParquetFile(own, pre_buffer=False, buffer_size=_NEAR_BYTES)
            return pq.ParquetFile(handle, pre_buffer=False, buffer_size=_FAR_BYTES)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._unreadable(file, error) from error


class _TextFiles(_Files):
    quotes = False
    header = False

    def _units(self, number: int, file: InputFile) -> list[Piece]:
        with self._place.open(file.path) as handle:
            try:
                found = text_ranges(handle, quotes=self.quotes, header=self.header)
            except OpenQuoteError:
                raise self._unreadable(file, "it ends within quotes") from None
        return [Piece(number, 0, each.rows, start=each.start, end=each.end) for each in found]

    def _content(self, piece: Piece, manifest: Manifest) -> bytes:
        file = self._unchanged(piece, manifest)
        assert piece.start is not None
        assert piece.end is not None
        with self._place.open(file.path) as handle:
            handle.seek(piece.start)
            return handle.read(piece.end - piece.start)


class CsvFiles(_TextFiles):
    """Ranges of CSV files with a head line."""

    format = "csv"
    text = True
    quotes = True
    header = True

    def names(self, piece: Piece, manifest: Manifest) -> list[str] | None:
        import pyarrow.csv as pa_csv  # noqa: PLC0415 - of this format alone

        file = self._unchanged(piece, manifest)
        with self._place.open(file.path) as handle:
            head = handle.readline()
        try:
            table = pa_csv.read_csv(io.BytesIO(head))
        except pa.ArrowInvalid as error:
            raise self._unreadable(file, error) from error
        return [name.removeprefix("\ufeff") for name in table.column_names]

    def chunks(self, piece: Piece, manifest: Manifest, wanted: Sequence[str]) -> Iterator[Chunk]:
        import pyarrow.csv as pa_csv  # noqa: PLC0415 - of this format alone

        names = self.names(piece, manifest) or []
        broken: list[tuple[int, str, str]] = []

        def put_aside(row: Any) -> str:
            reason = f"has {row.actual_columns} fields and the head line {row.expected_columns}"
            broken.append((int(row.number) - 1, str(row.text), reason))
            return "skip"

        try:
            table = pa_csv.read_csv(
                io.BytesIO(self._content(piece, manifest)),
                read_options=pa_csv.ReadOptions(use_threads=False, column_names=names),
                parse_options=pa_csv.ParseOptions(
                    newlines_in_values=True, invalid_row_handler=put_aside
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=list(wanted),
                    column_types={name: pa.string() for name in wanted},
                    null_values=[""],
                    strings_can_be_null=True,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(manifest.files[piece.file], error) from error
        skipped = np.array([place for place, _, _ in broken], dtype=np.int64)
        places = np.setdiff1d(np.arange(table.num_rows + len(broken)), skipped)
        mine = (places >= piece.skip) & (places < piece.skip + piece.rows)
        first = piece.first - piece.skip
        rest = [
            Broken(first + place, text[:200], reason)
            for place, text, reason in broken
            if piece.skip <= place < piece.skip + piece.rows
        ]
        columns = _columns(table.filter(pa.array(mine)).combine_chunks())
        yield from _pages(Chunk(first + places[mine], columns, rest))


class JsonLines(_TextFiles):
    """Ranges of files with one JSON object in a line."""

    format = "json"

    def names(self, piece: Piece, manifest: Manifest) -> list[str] | None:
        self._unchanged(piece, manifest)
        return None

    def chunks(self, piece: Piece, manifest: Manifest, wanted: Sequence[str]) -> Iterator[Chunk]:
        lines = [each for each in self._content(piece, manifest).splitlines() if each]
        lines = lines[piece.skip : piece.skip + piece.rows]
        for start in range(0, len(lines), CHUNK_ROWS):
            first = piece.first + start
            yield self._chunk(first, lines[start : start + CHUNK_ROWS], wanted)

    def _chunk(self, first: int, lines: list[bytes], wanted: Sequence[str]) -> Chunk:
        records, rows, broken = [], [], []
        for row, line in enumerate(lines, first):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                record, reason = None, f"is no JSON: {error}"
            else:
                reason = "is no object of fields"
            if isinstance(record, dict):
                records.append(record)
                rows.append(row)
            else:
                text = line[:200].decode("utf-8", "replace")
                broken.append(Broken(row, text, reason))
        columns = {name: [each.get(name, ABSENT) for each in records] for name in wanted}
        if len(records) >= _TELLING_ROWS:
            columns = {
                name: values
                for name, values in columns.items()
                if any(value is not ABSENT for value in values)
            }
        return Chunk(np.array(rows, dtype=np.int64), columns, broken)


def _sliced(batches: Iterator[pa.RecordBatch], piece: Piece) -> Iterator[Chunk]:
    """The piece's own rows of a row group."""
    at, end = 0, piece.skip + piece.rows
    for each in batches:
        low, high = max(piece.skip - at, 0), min(end - at, each.num_rows)
        if low < high:
            first = piece.first + at + low - piece.skip
            rows = np.arange(first, first + high - low)
            mine = each.slice(low, high - low)
            yield Chunk(rows, dict(zip(mine.schema.names, mine.columns, strict=True)))
        at += each.num_rows
        if at >= end:
            return


def _pages(chunk: Chunk) -> Iterator[Chunk]:
    """The chunk in parts of CHUNK_ROWS; what is broken comes with the first."""
    if not len(chunk.rows) and chunk.broken:
        yield chunk
    for start in range(0, len(chunk.rows), CHUNK_ROWS):
        end = start + CHUNK_ROWS
        columns = {name: column[start:end] for name, column in chunk.columns.items()}
        yield Chunk(chunk.rows[start:end], columns, chunk.broken if not start else [])


def _columns(table: pa.Table) -> dict[str, Given]:
    return {
        name: column.chunk(0) if column.num_chunks else pa.array([], column.type)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
