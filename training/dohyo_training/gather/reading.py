"""One source → a table as it stands there, no larger than the bound allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn import datasets

from dohyo_training.complaint import DataComplaint
from dohyo_training.config.data import (
    CsvSource,
    ParquetSource,
    SimulatorSource,
    SklearnSource,
    SqlSource,
)
from dohyo_training.gather.csv_text import read_csv
from dohyo_training.gather.files import SourceFile
from dohyo_training.gather.memory import MemoryBound
from dohyo_training.gather.parquet import read_parquet
from dohyo_training.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from dohyo_training.config.data import Source

    Wanted = Callable[[str], bool]


def read(source: Source, base: Path, wanted: Wanted, memory: int) -> pd.DataFrame:
    """The columns of a source that are wanted, all rows.

    Args:
        source: of the configuration.
        base: the folder that relative paths start from.
        wanted: whether a column is to be read.
        memory: bytes that the table may take.

    Raises:
        DataComplaint: it cannot be read, is empty, or is larger than the bound.
    """
    bound = MemoryBound(source.name, memory)
    if isinstance(source, CsvSource):
        frame = read_csv(SourceFile(source, base), source, wanted, bound)
    elif isinstance(source, ParquetSource):
        frame = read_parquet(SourceFile(source, base), wanted, bound)
    elif isinstance(source, SqlSource):
        from dohyo_training.gather.sql import read_sql  # noqa: PLC0415 - half a second of imports

        frame = read_sql(source, base, bound)
    elif isinstance(source, SklearnSource):
        frame = _shipped(source)
    else:
        frame = simulate(source.rows, source.seed, source.treatment).joined()
    return _of_use(frame, source, wanted)


def location(source: Source) -> str:
    """Where a source lies, in words and without a password."""
    if isinstance(source, CsvSource | ParquetSource):
        return source.path
    if isinstance(source, SqlSource):
        return source.url or f"${source.url_variable}"
    if isinstance(source, SimulatorSource):
        return f"{source.rows} rows, seed {source.seed}, treatment {source.treatment}"
    return f"sklearn.datasets.load_{source.dataset}"


def _of_use(frame: pd.DataFrame, source: Source, wanted: Wanted) -> pd.DataFrame:
    missing = [name for name in source.columns if name not in frame.columns and wanted(name)]
    missing += [name for name in source.key if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns[:20]))
        raise DataComplaint(f"source {source.name!r} has no column {missing[0]!r}; it has {there}")
    frame = frame[[name for name in frame.columns if wanted(str(name))]]
    if frame.empty:
        raise DataComplaint(f"source {source.name!r} has no rows; nothing can be learned from it")
    return frame.reset_index(drop=True)


def _shipped(source: SklearnSource) -> pd.DataFrame:
    data: Any = getattr(datasets, f"load_{source.dataset}")(as_frame=True)
    frame = data.frame.rename(columns=lambda name: str(name).replace(" ", "_"))
    names = getattr(data, "target_names", None)
    if names is not None and source.dataset != "diabetes":
        frame["target"] = [str(names[code]) for code in data.target]
    return frame.rename(columns=lambda name: name.replace("_(cm)", "_cm"))
