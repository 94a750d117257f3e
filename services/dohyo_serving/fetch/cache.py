"""Archives that this node has fetched before, by their digests.

Several pods share the folder, also of other namespaces, so nothing in it is believed: what is
taken from it is checked like what comes from afar. A cache that cannot be used is no reason to
fail: the bento is fetched as if there were none.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from dohyo_serving.fetch.files import chunks_of
from dohyo_serving.fetch.source import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOOK_SECONDS: Final = 0.5
# Left by a pod that was killed while it wrote.
_STALE_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True)
class Cache:
    """A folder of archives.

    Attributes:
        folder: shared by the pods of a node.
        most_bytes: of all archives together; the one that was used least lately goes first.
        wait_seconds: for another pod that fetches the same archive.
        say: takes a line for the log.
    """

    folder: Path
    most_bytes: int
    wait_seconds: float
    say: Callable[[str], None]

    @contextmanager
    def turn(self, digest: str) -> Iterator[None]:
        """Lets one pod at a time look for an archive and fetch it; the others wait, not for ever.

        Without the right to write there is nothing to wait for.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / f"{_name(digest)}.lock").open("a")
        except OSError as error:
            self.say(f"no cache in {self.folder}: {error.strerror}; fetching without it")
            yield
            return
        with lock:
            self._await(lock)
            yield

    def _await(self, lock: IO[str]) -> None:
        until = time.monotonic() + self.wait_seconds
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    self.say("another pod still fetches the same bento; fetching it too")
                    return
                if not told:
                    self.say("another pod fetches the same bento; waiting for it")
                    told = True
                time.sleep(_LOOK_SECONDS)
            except OSError as error:
                self.say(f"the cache cannot be locked: {error.strerror}; going on without a lock")
                return
            else:
                return

    @contextmanager
    def read(self, digest: str) -> Iterator[Content | None]:
        """The archive's bytes, unchecked; None when it is not there."""
        path = self.folder / _name(digest)
        try:
            file = path.open("rb")
        except OSError:
            yield None
            return
        with file:
            with suppress(OSError):
                os.utime(path)
            yield Content(chunks_of(file, str(path)), os.fstat(file.fileno()).st_size)

    def drop(self, digest: str) -> None:
        """Removes an archive that is not what its name says."""
        self.say("what the cache holds under this digest is something else; fetching it anew")
        with suppress(OSError):
            (self.folder / _name(digest)).unlink()

    def keep(self, digest: str, archive: IO[bytes]) -> None:
        """Stores a copy of a checked archive, if it fits."""
        path = self.folder / _name(digest)
        unfinished = self.folder / f".{_name(digest)}-{os.getpid()}-{time.time_ns():x}"
        try:
            archive.seek(0, os.SEEK_END)
            size = archive.tell()
            if size > self.most_bytes:
                return
            self._make_room(size)
            archive.seek(0)
            with unfinished.open("xb") as copy:
                shutil.copyfileobj(archive, copy, 1 << 20)
            unfinished.replace(path)
        except OSError as error:
            self.say(f"not kept in the cache {self.folder}: {error.strerror}")
            with suppress(OSError):
                unfinished.unlink()

    def _make_room(self, size: int) -> None:
        held = []
        for path in self.folder.iterdir():
            with suppress(OSError):
                found = path.stat()
                if path.name.startswith("."):
                    if time.time() - found.st_mtime > _STALE_SECONDS:
                        path.unlink()
                    else:
                        size += found.st_size
                elif path.suffix != ".lock":
                    held.append((found.st_mtime, found.st_size, path))
        held.sort(reverse=True)
        for _, bytes_held, path in held:
            size += bytes_held
            if size > self.most_bytes:
                with suppress(OSError):
                    path.unlink()


def _name(digest: str) -> str:
    return digest.removeprefix("sha256:")
