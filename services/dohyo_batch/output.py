"""Scores and quarantined rows of a shard, on their way into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_batch.places import Place, Writing

GROUP_ROWS: Final = 16_384
QUARANTINE_SCHEMA: Final = pa.schema(
    [("row", pa.int64()), ("column", pa.string()), ("value", pa.string()), ("reason", pa.string())]
)

# What is different in every row, and alike in the next one.
_ENCODINGS: Final = {"row": "DELTA_BINARY_PACKED", "prediction_id": "DELTA_BYTE_ARRAY"}


class ParquetOutput:
    """One Parquet file, made when its first rows come and there when it is finished."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._place = place
        self._sink: Writing | None = None
        self._writer: Any = None
        self._rows = 0
        self._held: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Takes rows; they are written group by group."""
        self._held.append(table)
        self._rows += table.num_rows
        if sum(each.num_rows for each in self._held) >= GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        table = pa.concat_tables(self._held)
        self._held.clear()
        if self._writer is None:
            self._sink = self._place.write(self.name)
            self._writer = pq.ParquetWriter(
                pa.PythonFile(self._sink, mode="w"),
                table.schema,
                compression="zstd",
                use_dictionary=[each.name for each in table.schema if _repeats(each)],
                column_encoding={n: e for n, e in _ENCODINGS.items() if n in table.schema.names},
            )
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def finish(self) -> dict[str, Any] | None:
        """Name, rows, bytes and checksum; None when there were no rows, and so there is no file."""
        if self._held:
            self._write()
        if self._writer is None or self._sink is None:
            return None
        self._writer.close()
        digest = self._sink.finish()
        return {"name": self.name, "rows": self._rows, "bytes": self._sink.size, "sha256": digest}


def _repeats(column: pa.Field) -> bool:
    """Whether a dictionary of its values may save more than it costs."""
    return not pa.types.is_floating(column.type) and column.name not in _ENCODINGS


def quarantined(rows: Sequence[tuple[int, str, str, str]]) -> pa.Table:
    """Row number, column, value and reason, in the order of the rows."""
    columns = zip(*sorted(rows), strict=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE_SCHEMA, strict=True)]
    return pa.table(arrays, schema=QUARANTINE_SCHEMA)
