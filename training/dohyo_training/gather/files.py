"""Files near and far, opened the same way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fsspec
from obstore.fsspec import register

from dohyo_training.complaint import DataComplaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_training.config.data import CsvSource, ParquetSource

# Object stores need no driver of their own: obstore speaks to them, told by the usual variables.
_STORES: Final = ("s3", "gs", "az", "abfs")
_TOLD_BY: Final = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY",
}


class SourceFile:
    """A file that a source names, by a path or a URL."""

    def __init__(self, source: CsvSource | ParquetSource, base: Path) -> None:
        self.name = source.name
        scheme = source.path.partition("://")[0] if "://" in source.path else ""
        self.location = source.path if scheme else str(base / source.path)
        self.scheme = scheme or "file"
        if scheme in _STORES:
            register(scheme)

    def open(self) -> Any:
        """The file for reading bytes, with random access where the store has it.

        Raises:
            DataComplaint: it is not there, or may not be read.
        """
        if self.scheme == "file" and not Path(self.location).is_file():
            raise DataComplaint(self._said(self._nearby()))
        try:
            store, path = fsspec.core.url_to_fs(self.location)
            # Asked first: a file that cannot be opened complains once more when it is forgotten.
            store.info(path)
            return store.open(path, "rb")
        except ValueError as error:
            raise DataComplaint(self._said(str(error))) from None
        except Exception as error:
            told = _TOLD_BY.get(self.scheme)
            hint = f"; access is told by the variables {told}" if told else ""
            raise DataComplaint(self._said(f"{_first_line(error)}{hint}")) from None

    def complain(self, text: str) -> DataComplaint:
        """The sentence about this file, to be raised."""
        return DataComplaint(self._said(text))

    def _said(self, text: str) -> str:
        return f"source {self.name!r} ({self.location}): {text}"

    def _nearby(self) -> str:
        folder = Path(self.location).parent
        if not folder.is_dir():
            return f"there is no folder {folder}"
        others = ", ".join(_names(folder)) or "nothing"
        return f"there is no such file; the folder holds {others}"


def _names(folder: Path, limit: int = 8) -> Iterator[str]:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    yield from names[:limit]
    if len(names) > limit:
        yield f"and {len(names) - limit} more"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
