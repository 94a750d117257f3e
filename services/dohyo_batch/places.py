"""Where data lie: one folder or file behind file, s3, gs or https, read and written alike.

A written file appears whole or not at all: on a disk by renaming, in an object store by the end
of its upload.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import GCSStore, HTTPStore, LocalStore, S3Store

from dohyo.contract import batch
from dohyo_batch.complaint import BatchError
from dohyo_batch.surroundings import surrounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCHEMES: Final = ("file", "s3", "gs", "https", "http")
# Where nodes of clouds learn who they are; asked when nobody gives credentials.
_NODE_IDENTITY: Final = ("169.254.169.254", "metadata.google.internal")
_REFUSED: Final = ("PermissionDeniedError", "UnauthenticatedError", "PermissionError")
_FULL: Final = ("os error 28", "os error 27", "os error 122")
_READ_AHEAD_BYTES: Final = 1 << 20
# A store takes no part of less than 5 MiB, and 10,000 parts of a file.
_WRITTEN_AT_ONCE, _UPLOADED_AT_ONCE = 1 << 20, 8 << 20
_CREDENTIALS: Final = (
    "give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or "
    'AWS_SKIP_SIGNATURE or GOOGLE_SKIP_SIGNATURE: "true" for what is public'
)


@dataclass(frozen=True)
class FileInfo:
    """One file.

    Attributes:
        path: below its place; empty when the place is the file itself.
        size: in bytes.
        etag: changes with its content.
    """

    path: str
    size: int
    etag: str


class Place:
    """A folder, or a file, that a uri names."""

    def __init__(self, uri: str, environ: Mapping[str, str] = os.environ) -> None:
        """Opens a store; nothing is asked of it yet.

        Raises:
            BatchError: the uri is none that can be read.
        """
        self.shown = _shown(uri)
        scheme, separator, _ = uri.partition("://")
        if not separator:
            scheme, uri = "file", Path(uri).absolute().as_uri()
        if scheme not in SCHEMES:
            raise BatchError(
                batch.INVALID_ORDER,
                f"{self.shown}: {scheme}:// is not known; begin with {', '.join(SCHEMES[:4])}",
            )
        self.local = scheme == "file"
        self._scheme, parts = scheme, urlsplit(uri)
        if parts.query:
            raise BatchError(
                batch.INVALID_ORDER, f"{self.shown}: has a query; name the file by its path alone"
            )
        self._root = unquote(parts.path).strip("/")
        with self.told(), surrounded(environ):
            self._store: Any = _store(scheme, parts.netloc, environ)

    def below(self, name: str) -> Place:
        """A folder in this one."""
        place = object.__new__(Place)
        place.__dict__ = dict(self.__dict__)
        place.shown = f"{self.shown.rstrip('/')}/{name}"
        place._root = f"{self._root}/{name}".strip("/")
        return place

    def files(self) -> list[FileInfo]:
        """The file, or all files below the folder, in the order of their names.

        Raises:
            BatchError: there is neither.
        """
        with self.told():
            try:
                found = obstore.head(self._store, self._key("")) if self._root else None
            except (FileNotFoundError, IsADirectoryError):
                found = None
            if found is not None:
                return [FileInfo("", found["size"], str(found["e_tag"]))]
            if self._scheme.startswith("http"):
                raise self._absent()
            listed = [
                FileInfo(self._below(each["path"]), each["size"], str(each["e_tag"]))
                for batch_ in obstore.list(self._store, self._root or None)
                for each in batch_
            ]
        named = (each for each in listed if each.path and not _hidden(each.path))
        return sorted(named, key=lambda each: each.path)

    def folders(self) -> list[str]:
        """Names of the folders right below."""
        with self.told():
            found = obstore.list_with_delimiter(self._store, self._root or None)
        return sorted(self._below(each) for each in found["common_prefixes"])

    def info(self, path: str) -> FileInfo | None:
        """One file below; None when it is not there."""
        with self.told():
            try:
                found = obstore.head(self._store, self._key(path))
            except FileNotFoundError:
                return None
        return FileInfo(path, found["size"], str(found["e_tag"]))

    def open(self, path: str) -> IO[bytes]:
        """A file for reading anywhere in it; small parts of it are held."""
        with self.told():
            if self.local:
                # Half of the time that a shard takes to read goes into the store's client.
                return (Path("/") / self._key(path)).open("rb")
            raw = _Reading(obstore.open_reader(self._store, self._key(path)), self)
            return io.BufferedReader(raw, _READ_AHEAD_BYTES)

    def read(self, path: str) -> bytes | None:
        """The whole of a small file; None when it is not there."""
        with self.told():
            try:
                return bytes(obstore.get(self._store, self._key(path)).bytes())
            except FileNotFoundError:
                return None

    def create(self, path: str, content: bytes) -> bool:
        """Writes a small file unless there is one; False when there was."""
        with self.told():
            try:
                obstore.put(self._store, self._key(path), content, mode="create")
            except AlreadyExistsError:
                return False
            self._settle(path)
        return True

    def replace(self, path: str, content: bytes) -> None:
        """Writes a small file, whole or not at all."""
        with self.told():
            obstore.put(self._store, self._key(path), content)
            self._settle(path)

    def write(self, path: str) -> Writing:
        """A file to be written in order; it is there once it is finished."""
        with self.told():
            size = _WRITTEN_AT_ONCE if self.local else _UPLOADED_AT_ONCE
            sink = obstore.open_writer(
                self._store, self._key(path), buffer_size=size, max_concurrency=2
            )
        return Writing(sink, self, lambda: self._settle(path))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turns what a store says into words of ours."""
        try:
            yield
        except BatchError:
            raise
        except (BaseError, OSError, ValueError) as error:
            raise self._said(error) from error

    def _said(self, error: Exception) -> BatchError:
        words, kind = _brief(str(error)), type(error).__name__
        if isinstance(error, FileNotFoundError):
            return self._absent()
        refused = kind in _REFUSED or "AccessDenied" in words
        if refused or any(host in str(error) for host in _NODE_IDENTITY):
            return BatchError(
                batch.NO_CREDENTIALS,
                f"{self.shown}: these credentials, or none, may not do this; {_CREDENTIALS}"
                if not self.local
                else f"{self.shown}: {words}; let this user read and write there",
            )
        if any(sign in words for sign in _FULL) or getattr(error, "errno", None) in (27, 28, 122):
            return BatchError(
                batch.NO_SPACE, f"{self.shown}: no space is left; make room, the run goes on then"
            )
        return BatchError(batch.UNAVAILABLE, f"{self.shown}: {words}; is it up and reachable?")

    def _absent(self) -> BatchError:
        return BatchError(
            batch.INPUT_NOT_FOUND, f"{self.shown}: nothing is there; correct the address"
        )

    def _key(self, path: str) -> str:
        return f"{self._root}/{path}".strip("/")

    def _below(self, key: str) -> str:
        return key[len(self._root) :].strip("/") if self._root else key

    def _settle(self, path: str) -> None:
        """A renamed file outlives its machine only once disk and folder know of it."""
        if not self.local:
            return
        file = Path("/") / self._key(path)
        for each in (file, file.parent):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class Writing(io.RawIOBase):
    """A file on its way, with the checksum of what it has got so far.

    Closing does not finish it: a file that nobody has finished never appears.
    """

    def __init__(self, sink: Any, place: Place, settle: Callable[[], None]) -> None:
        self._sink = sink
        self._place = place
        self._settled = settle
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        view = memoryview(content)
        with self._place.told():
            self._sink.write(bytes(view))
        self._hash.update(view)
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.size

    def finish(self) -> str:
        """Makes the file appear; its SHA-256 in hexadecimal."""
        with self._place.told():
            self._sink.close()
            self._settled()
        return self._hash.hexdigest()


class _Reading(io.RawIOBase):
    def __init__(self, reader: Any, place: Place) -> None:
        self._reader = reader
        self._place = place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        with self._place.told():
            found = memoryview(self._reader.read(len(target)))
        target[: found.nbytes] = found
        return found.nbytes

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._place.told():
            return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


def _store(scheme: str, host: str, environ: Mapping[str, str]) -> Any:
    if scheme == "file":
        return LocalStore("/", mkdir=True)
    options: Any = {"connect_timeout": "10s", "timeout": "300s"}
    if scheme.startswith("http"):
        options["allow_http"] = scheme == "http"
        return HTTPStore(f"{scheme}://{host}", client_options=options)
    retries: Any = {"max_retries": 4}
    if scheme == "gs":
        return GCSStore(host, client_options=options, retry_config=retries)
    # The client reads AWS_* itself, but not the endpoint of one service alone.
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    config: Any = {"endpoint": endpoint} if endpoint else {}
    options["allow_http"] = bool(endpoint and endpoint.startswith("http://"))
    return S3Store(
        host,
        client_options=options,
        retry_config=retries,
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        **config,
    )


def _hidden(path: str) -> bool:
    """Marks and half-written files of other programs, such as _SUCCESS or .part."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _shown(uri: str) -> str:
    """Without query, user and password."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _brief(words: str) -> str:
    """The first sentence of what the store's client says; the rest is its own structure."""
    line = " ".join(words.partition("Debug source:")[0].split())
    return line if len(line) <= 240 else line[:239] + "…"
