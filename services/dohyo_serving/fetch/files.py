"""A bento in a mounted claim, or in a folder of this machine."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dohyo_serving.fetch.errors import FetchError, TemporaryError
from dohyo_serving.fetch.order import CHUNK_BYTES
from dohyo_serving.fetch.source import Content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_serving.fetch.order import Order


class Files:
    """An archive, or the folder of a bento, by its path."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.path = self._located()

    @property
    def is_folder(self) -> bool:
        """Whether it is a bento already unpacked.

        Raises:
            FetchError: a digest is asked for, which a folder has not.
        """
        if not self.path.is_dir():
            return False
        if self._order.digest is not None:
            raise FetchError(
                f"{self._order.address}: is a folder, which has no digest; "
                "name an archive of `bentoml export`, or leave the digest out"
            )
        return True

    def resolve(self) -> str | None:
        return self._order.digest

    @contextmanager
    def read(self) -> Iterator[Content]:
        try:
            with self.path.open("rb") as file:
                chunks = chunks_of(file, str(self._order.address))
                yield Content(chunks, self.path.stat().st_size)
        except OSError as error:
            raise self._unreadable(error) from error

    def _located(self) -> Path:
        address = self._order.address
        if address.scheme == "file":
            root, path = Path("/"), Path(address.path)
        else:
            root = self._order.claims / address.place
            path = root / address.path
        try:
            found = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            if address.scheme == "pvc" and not root.is_dir():
                words = f"{address}: the claim {address.place!r} is not mounted at {root}"
                raise FetchError(f"{words}; the operator mounts it") from error
            raise self._unreadable(error) from error
        if not found.is_relative_to(root.resolve()):
            raise FetchError(f"{address}: leads out of the claim; name a path inside")
        if not (found.is_file() or found.is_dir()):
            raise FetchError(f"{address}: is neither a file nor a folder")
        return found

    def _unreadable(self, error: OSError | RuntimeError) -> FetchError:
        if isinstance(error, FileNotFoundError):
            return FetchError(f"{self._order.address}: nothing is there; correct the path")
        words = getattr(error, "strerror", None) or str(error)
        return FetchError(f"{self._order.address}: {words}; it must be readable for this user")


def chunks_of(file: IO[bytes], shown: str) -> Iterator[bytes]:
    """The rest of a file; a network volume may fail for a while."""
    while True:
        try:
            chunk = file.read(CHUNK_BYTES)
        except OSError as error:
            raise TemporaryError(f"{shown}: {error.strerror}; is the volume well?") from error
        if not chunk:
            return
        yield chunk


def packed(folder: Path, file: IO[bytes], most_bytes: int) -> None:
    """Writes a folder as an archive, so that it passes the same checks as what comes from afar.

    Raises:
        FetchError: it is too large, or cannot be read.
    """
    try:
        total = sum(path.lstat().st_size for path in folder.rglob("*"))
        if total > most_bytes:
            raise FetchError(f"{folder}: holds {total} bytes, above the limit of {most_bytes}")
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(folder, arcname=".")
    except OSError as error:
        raise FetchError(f"{error.filename or folder}: {error.strerror}") from error
