"""What a data scientist would write: the same rows by pandas in chunks, by Dask, or row by row.

Each is a program of its own, so that its CPU and memory are its own: `python -m
benchmarks.batch.peers WAY INPUT OUTPUT MODEL`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import joblib
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dohyo_batch.main import peak_memory_bytes

CHUNK_ROWS: Final = 32_768
FIELDS: Final = 30


def scored(frame: pd.DataFrame, model: Any) -> pd.DataFrame:
    """Class and probabilities of each row; nothing is checked, counted or signed."""
    outputs = model.predict_proba(frame.iloc[:, :FIELDS].to_numpy())
    result = pd.DataFrame({"hospital": frame["hospital"]})
    result["prediction"] = model.classes_[outputs.argmax(axis=1)]
    for place, name in enumerate(model.classes_):
        result[f"probability_{name}"] = outputs[:, place]
    return result


def by_pandas(source: Path, target: Path, model: Any) -> None:
    pa.set_cpu_count(1)
    target.mkdir(parents=True)
    writer: pq.ParquetWriter | None = None
    for batch in pq.ParquetFile(source).iter_batches(CHUNK_ROWS, use_threads=False):
        table = pa.Table.from_pandas(scored(batch.to_pandas(), model), preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(target / "scores.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def by_dask(source: Path, target: Path, model: Any) -> None:
    import dask  # noqa: PLC0415 - its own program's
    import dask.dataframe as dd  # noqa: PLC0415

    with dask.config.set(scheduler="threads", num_workers=1):
        frame = dd.read_parquet(source, split_row_groups=True)
        meta = scored(frame.head(2), model)
        frame.map_partitions(scored, model, meta=meta).to_parquet(target, compression="zstd")


if __name__ == "__main__":
    way, source, target, model = sys.argv[1:]
    work = {"pandas": by_pandas, "dask": by_dask}[way]
    work(Path(source), Path(target), joblib.load(model))
    print(json.dumps({"peakMemoryBytes": peak_memory_bytes()}))
