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
        if self.scheme not in fsspec.available_protocols():
            raise DataComplaint(
                self._said(
                    f"{self.scheme}:// is no way to a file; write a path, or an address that "
                    "begins with https://, s3://, gs:// or az://"
                )
            )
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
            raise DataComplaint(self._said(f"{self._reason(error)}{hint}")) from None

    def complain(self, text: str) -> DataComplaint:
        """The sentence about this file, to be raised."""
        return DataComplaint(self._said(text))

    def _reason(self, error: Exception) -> str:
        """What went wrong; over HTTP only the cause of an error says more than the address."""
        cause = error.__cause__
        if cause is None or str(error) != self.location:
            return _first_line(error)
        status = getattr(cause, "status", None)
        if status is None:
            return f"cannot be reached ({_first_line(cause)}); is the address right?"
        return f"the server answers {status}; is the address right, and open without a login?"

    def _said(self, text: str) -> str:
        return f"source {self.name!r} ({self.location}): {text}"

    def _nearby(self) -> str:
        if Path(self.location).is_dir():
            return (
                f"is a folder; name one file, such as {next(_names(Path(self.location)), 'x.csv')}"
            )
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


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
