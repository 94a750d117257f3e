"""Aligned text, as `kubectl` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "   "


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns as wide as their widest cell; an empty cell is shown as ``-``."""
    lines = [tuple(heading), *(tuple(_cell(c) for c in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(text: str) -> str:
    # A message of several lines must not break the table.
    return " ".join(text.split()) or "-"
