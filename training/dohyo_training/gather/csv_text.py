"""Text with separators → a table, with a sentence for each way in which such text goes wrong."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dohyo_training.config.data import CsvSource
    from dohyo_training.gather.files import SourceFile
    from dohyo_training.gather.memory import MemoryBound

_SEPARATORS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_ROWS_AT_ONCE: Final = 100_000


def read_csv(
    file: SourceFile, source: CsvSource, wanted: Callable[[str], bool], bound: MemoryBound
) -> pd.DataFrame:
    """Reads the wanted columns, part by part, until the end or the bound."""
    header = _header(file, source)
    names = [name for name in header if wanted(name)]
    if not names:
        raise file.complain("none of its columns may be read; look at `columns`")
    with file.open() as handle:
        parts = _parts(handle, source, header, names)
        try:
            frame = bound.gathered(parts)
        except pd.errors.ParserError as error:
            raise file.complain(_ragged(error, source)) from None
        except UnicodeDecodeError as error:
            raise file.complain(
                f"is not {source.encoding}: {error.reason}; set `encoding`"
            ) from None
    if frame.empty:
        raise file.complain("has a header and no rows; nothing can be learned from it")
    return frame


def likely_separator(path: Path) -> str:
    """The separator that stands most often in the first line; a comma when none does."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    best = max(_SEPARATORS, key=head.count)
    return best if best in head else ","


def _parts(
    handle: object, source: CsvSource, header: list[str], names: list[str]
) -> Iterator[pd.DataFrame]:
    yield from pd.read_csv(
        handle,
        sep=source.separator,
        decimal=source.decimal,
        encoding=source.encoding,
        na_values=list(source.missing),
        keep_default_na=False,
        header=0,
        names=header,
        usecols=names,
        index_col=False,
        low_memory=False,
        chunksize=_ROWS_AT_ONCE,
    )


def _header(file: SourceFile, source: CsvSource) -> list[str]:
    with file.open() as handle:
        head = handle.read(2**16)
    if not head.strip():
        raise file.complain("is empty; nothing can be learned from it")
    try:
        text = head.decode(source.encoding, errors="strict" if len(head) < 2**16 else "ignore")
    except (UnicodeDecodeError, LookupError) as error:
        raise file.complain(f"is not {source.encoding} ({error}); set `encoding`") from None
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=source.separator)
    names = [name.strip() for name in next(rows)]
    _one_column(file, names, source)
    for name, times in Counter(names).items():
        if times > 1:
            raise file.complain(f"has {times} columns named {name!r}; give each its own name")
    if "" in names:
        place = names.index("") + 1
        raise file.complain(
            f"column {place} has no name; write one into the header (pandas leaves it out for row "
            "numbers: to_csv(index=False))"
        )
    _same_width(file, names, rows, whole=len(head) < 2**16)
    return names


def _one_column(file: SourceFile, names: list[str], source: CsvSource) -> None:
    if len(names) > 1:
        return
    for other, word in _SEPARATORS.items():
        if other != source.separator and other in names[0]:
            shown = other if other != "\t" else "\\t"
            raise file.complain(
                f"has one column, {names[0][:60]!r}; its separator seems to be {word}: set "
                f'`separator: "{shown}"`'
            )


def _same_width(
    file: SourceFile, names: list[str], rows: Iterator[list[str]], *, whole: bool
) -> None:
    """Looks at the rows at hand; pandas would shift short and long ones without a word."""
    seen = [row for row in rows if row]
    for number, row in enumerate(seen if whole else seen[:-1], start=2):
        if len(row) != len(names):
            raise file.complain(
                f"row {number} has {len(row)} fields and the header {len(names)}; put quotes "
                "around values that hold the separator"
            )


def _ragged(error: pd.errors.ParserError, source: CsvSource) -> str:
    text = str(error).removeprefix("Error tokenizing data. C error: ").strip()
    return f"{text}; put quotes around values that hold {source.separator!r}"
