"""Parquet → a table, by columns: what is not wanted is never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from dohyo_training.gather.files import SourceFile
    from dohyo_training.gather.memory import MemoryBound


def read_parquet(
    file: SourceFile, wanted: Callable[[str], bool], bound: MemoryBound
) -> pd.DataFrame:
    """Reads the wanted columns; the footer tells their size before."""
    with file.open() as handle:
        try:
            parquet = pq.ParquetFile(handle)
        except (pa.ArrowInvalid, OSError) as error:
            raise file.complain(f"is no Parquet file: {error}") from None
        names = [name for name in parquet.schema_arrow.names if wanted(name)]
        bound.check(_bytes(parquet.metadata, set(names)), f"{parquet.metadata.num_rows} rows")
        table = parquet.read(columns=names)
    # An index that pandas wrote into the file is a column like any other.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _bytes(metadata: pq.FileMetaData, names: set[str]) -> int:
    """Uncompressed size of the columns, and at least 8 bytes for each value."""
    total = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for index in range(rows.num_columns):
            column = rows.column(index)
            if column.path_in_schema.split(".")[0] in names:
                total += max(column.total_uncompressed_size, 8 * rows.num_rows)
    return total
