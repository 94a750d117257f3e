"""Where records of a text file begin and end, so that parts of it can be read by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BYTES: Final = 1 << 22
RANGE_BYTES: Final = 1 << 23
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


class OpenQuoteError(ValueError):
    """The file ends within quotes."""


@dataclass(frozen=True)
class TextRange:
    """Whole records.

    Attributes:
        start, end: bytes, half-open.
        rows: records that are not empty lines.
    """

    start: int
    end: int
    rows: int


def text_ranges(
    file: IO[bytes], *, quotes: bool, header: bool, range_bytes: int = RANGE_BYTES
) -> list[TextRange]:
    """Reads a file once, and cuts it at ends of records.

    Args:
        file: at its start.
        quotes: whether a line's end within double quotes ends no record.
        header: whether the first record is none; it is in no range.
        range_bytes: a range ends with the first record that reaches so far.

    Raises:
        OpenQuoteError: it ends within quotes.
    """
    scan = _Scan(quotes=quotes, header=header, range_bytes=range_bytes)
    while block := file.read(BLOCK_BYTES):
        scan.take(np.frombuffer(block, dtype=np.uint8))
    return scan.finished()


class _Scan:
    def __init__(self, *, quotes: bool, header: bool, range_bytes: int) -> None:
        self._quotes = quotes
        self._header = header
        self._range_bytes = range_bytes
        self._ranges: list[TextRange] = []
        self._open = False  # whether the bytes so far end within quotes
        self._at = 0  # bytes seen
        self._record = 0  # where the record begun last begins
        self._start = 0  # where the range begun last begins
        self._rows = 0  # in that range
        self._last = _NEWLINE  # the byte before

    def take(self, block: NDArray[np.uint8]) -> None:
        ends = self._ends(block)
        if self._header and len(ends):
            self._start = self._record = self._at + int(ends[0]) + 1
            ends, self._header = ends[1:], False
        if len(ends):
            self._cut(self._at + ends + 1, self._filled(block, ends))
        self._at += len(block)
        self._last = int(block[-1])

    def finished(self) -> list[TextRange]:
        if self._open:
            raise OpenQuoteError
        if self._header:
            return []
        if self._at > self._record:
            # The last line has no end.
            self._rows += 1
        if self._rows:
            self._ranges.append(TextRange(self._start, self._at, self._rows))
        return self._ranges

    def _ends(self, block: NDArray[np.uint8]) -> NDArray[np.intp]:
        ends = np.flatnonzero(block == _NEWLINE)
        if not self._quotes:
            return ends
        quotes = block == _QUOTE
        if not self._open and not quotes.any():
            return ends
        within = (np.cumsum(quotes) + self._open) % 2 == 1
        self._open = bool(within[-1])
        return np.asarray(ends[~within[ends]])

    def _filled(self, block: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether each record has anything in it."""
        starts = np.concatenate(([self._record - self._at], ends[:-1] + 1))
        lengths = ends - starts
        before = block[np.maximum(ends - 1, 0)]
        if ends[0] == 0:
            before[0] = self._last
        return np.asarray((lengths > 1) | ((lengths == 1) & (before != _RETURN)))

    def _cut(self, ends: NDArray[np.intp], filled: NDArray[np.bool_]) -> None:
        counts = np.concatenate(([0], np.cumsum(filled)))
        place = 0
        while True:
            last = int(np.searchsorted(ends, self._start + self._range_bytes))
            if last >= len(ends):
                break
            rows = self._rows + int(counts[last + 1] - counts[place])
            end = int(ends[last])
            if rows:
                self._ranges.append(TextRange(self._start, end, rows))
            self._start, self._rows, place = end, 0, last + 1
        self._rows += int(counts[-1] - counts[place])
        self._record = int(ends[-1])
