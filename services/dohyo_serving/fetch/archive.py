"""An archive → the files of a bento, and nothing that could reach beyond them.

Only folders and plain files are written, each under the folder that is asked for and each once.
What the archive says of its sizes is not believed: bytes are counted as they are written.
"""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final, cast

from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.order import CHUNK_BYTES

if TYPE_CHECKING:
    from dohyo_serving.fetch.order import Limits

# No header of an honest archive is longer; tarfile reads one whole.
_LONGEST_READ: Final = 16 << 20
_LONGEST_NAME: Final = 1024
# What the readers of the standard library raise for bytes that make no sense.
_BROKEN: Final = (
    *(tarfile.TarError, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError, LookupError),
    struct.error,
)


def unpack(file: IO[bytes], folder: Path, limits: Limits) -> None:
    """Unpacks .tar, .tar.gz, .tar.xz or .zip, told apart by their first bytes.

    Args:
        file: the archive, seekable.
        folder: exists and is empty.
        limits: on the number of entries and on all bytes together.

    Raises:
        FetchError: it is none of these, is broken, or holds what no bento holds.
    """
    file.seek(0)
    head = file.read(262)
    file.seek(0)
    target = _Target(folder, limits)
    try:
        if head.startswith(b"PK\x03\x04"):
            _unzip(file, target)
            return
        stream = _opened(file, head, limits)
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
            _untar(archive, target)
        # Its checksum stands at the end.
        while stream.read(CHUNK_BYTES):
            pass
    except _BROKEN as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise FetchError(f"the archive is broken: {words}") from error
    except OSError as error:
        where = error.filename or folder
        raise FetchError(f"{where}: {error.strerror or error}") from error


def _opened(file: IO[bytes], head: bytes, limits: Limits) -> _Bounded:
    stream: Any
    if head.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=file, mode="rb")
    elif head.startswith(b"\xfd7zXZ\x00"):
        stream = lzma.LZMAFile(file, mode="rb")  # noqa: SIM115 - the file is closed by its owner
    elif head[257:262] == b"ustar":
        stream = file
    else:
        raise FetchError(
            "is no archive of a bento (.bento, .tar, .tar.gz, .tar.xz or .zip); "
            "make one with `bentoml export`"
        )
    # Headers and padding come on top of the files themselves.
    return _Bounded(stream, limits.unpacked_bytes + limits.entries * 4096)


class _Bounded:
    """A file that refuses to be read far, or much at once."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LONGEST_READ:
            raise FetchError("the archive has a header of many megabytes, as no bento has")
        if self._file.tell() + size > self._most + _LONGEST_READ:
            raise FetchError("the archive unpacks to more than the limit; it was given up")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and offset > self._most + _LONGEST_READ:
            raise FetchError("the archive unpacks to more than the limit; it was given up")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@dataclass
class _Target:
    """The folder that is written to, and what may still be written."""

    folder: Path
    limits: Limits
    entries: int = 0
    written: int = 0

    def path(self, name: str) -> Path | None:
        """Where an entry goes; None for the folder itself.

        Raises:
            FetchError: it would lie elsewhere, or there are too many.
        """
        self.entries += 1
        if self.entries > self.limits.entries:
            raise FetchError(f"the archive has more than {self.limits.entries} entries")
        pure = PurePosixPath(name)
        odd = pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name
        if odd or len(name) > _LONGEST_NAME:
            raise FetchError(f"the archive has an entry {name[:100]!r} outside of its own folder")
        return self.folder.joinpath(*pure.parts) if pure.parts else None

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)

    def write(self, path: Path, content: IO[bytes], *, executable: bool) -> None:
        self.make_folder(path.parent)
        mode = 0o755 if executable else 0o644
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError as error:
            name = path.relative_to(self.folder)
            raise FetchError(f"the archive has the entry {str(name)!r} twice") from error
        with os.fdopen(descriptor, "wb") as file:
            while chunk := content.read(CHUNK_BYTES):
                self.written += len(chunk)
                if self.written > self.limits.unpacked_bytes:
                    raise FetchError(
                        f"the archive unpacks to more than {self.limits.unpacked_bytes} bytes; "
                        "it was given up"
                    )
                file.write(chunk)


def _untar(archive: tarfile.TarFile, target: _Target) -> None:
    for member in archive:
        path = target.path(member.name)
        if path is None:
            continue
        if member.isdir():
            target.make_folder(path)
        elif member.isreg() and not member.issparse():
            content = archive.extractfile(member)
            assert content is not None, "a plain file has content"
            target.write(path, content, executable=bool(member.mode & 0o100))
        else:
            raise _no_file(member.name)
        # tarfile remembers every entry otherwise.
        archive.members = []  # type: ignore[attr-defined]


def _unzip(file: IO[bytes], target: _Target) -> None:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            path = target.path(info.filename)
            if path is None:
                continue
            mode = info.external_attr >> 16
            if info.is_dir():
                target.make_folder(path)
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise _no_file(info.filename)
            elif info.flag_bits & 1:
                raise FetchError(f"the archive's entry {info.filename[:100]!r} is encrypted")
            else:
                with archive.open(info) as content:
                    target.write(path, content, executable=bool(mode & 0o100))


def _no_file(name: str) -> FetchError:
    return FetchError(
        f"the archive's entry {name[:100]!r} is a link or a device, as no exported bento has"
    )
