"""A bound on the size of a table, checked while it is read and not after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class MemoryBound:
    """How large one source may become.

    Attributes:
        source: its name.
        limit: bytes.
    """

    source: str
    limit: int

    def check(self, needed: int, rows: str) -> None:
        """Complains when a table of so many bytes is above the bound."""
        if needed > self.limit:
            raise DataComplaint(
                f"source {self.source!r}: {rows} take {mebibytes(needed)}, above data.memory of "
                f"{mebibytes(self.limit)}; read fewer columns (`columns`), fewer rows, or raise "
                "data.memory"
            )

    def gathered(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """The parts as one table; stops reading as soon as they are above the bound."""
        kept: list[pd.DataFrame] = []
        size = rows = 0
        for part in parts:
            kept.append(part)
            rows += len(part)
            size += table_bytes(part)
            self.check(size, f"the first {rows} rows")
        return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()


def table_bytes(frame: pd.DataFrame) -> int:
    """The memory that a table takes, texts included."""
    return int(frame.memory_usage(deep=True, index=False).sum())


def mebibytes(size: int) -> str:
    """A size in words."""
    return f"{size / 2**20:.1f} MiB"
