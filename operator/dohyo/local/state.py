"""The folder of a ring: who holds it, how it is reached, and what it remembers."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dohyo.local.failure import RingError
from dohyo.local.recall import kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The address of a Unix socket may have 108 bytes on Linux and 104 on macOS.
_LONGEST_SOCKET: Final = 103


@dataclass(frozen=True)
class Presence:
    """What a running ring tells of itself.

    Attributes:
        process: its id.
        url: where requests go.
        agent: URL of the gateway's agent, with its metrics.
        evidence: URL of the evidence service, which runs when gates need it: feedback goes there.
        files: that it was started with.
    """

    process: int
    url: str
    agent: str
    evidence: str
    files: tuple[str, ...]


class StateFolder:
    """One folder, held by one ring at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "ring.sock"
        self.processes = folder / "processes.json"
        self.logs = folder / "logs"
        self.unpacked = folder / "bentos"
        self.envoy = folder / "envoy"
        self.evidence = folder / "evidence"
        self._lock = folder / "lock"
        self._presence = folder / "ring.json"
        self._objects = folder / "objects.json"
        self._held: int | None = None

    def hold(self) -> None:
        """Takes the folder, until `release` or the end of this process, however it ends.

        Raises:
            RingError: another ring holds it, or it cannot be written.
        """
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            raise RingError(f"{self.folder}: the path is too long; name a shorter one by --state")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            why = error.strerror or error
            raise RingError(f"{self.folder}: {why}; name another folder by --state") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise RingError(self._held_by()) from None
        self._held = descriptor
        for folder in (self.logs, self.envoy):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.logs, self.envoy, self.unpacked, self.evidence):
            folder.mkdir(exist_ok=True)
        self.socket.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives the folder up, if it is held."""
        if self._held is None:
            return
        self._presence.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        os.close(self._held)
        self._held = None

    def is_held(self) -> bool:
        """Whether a ring runs in this folder."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def announce(self, presence: Presence) -> None:
        """Tells everybody of this user how the ring is reached."""
        _write(self._presence, asdict(presence))

    def presence(self) -> Presence | None:
        """What the running ring has told; None before it has."""
        try:
            document = json.loads(self._presence.read_text())
            return Presence(**{**document, "files": tuple(document["files"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def remember(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Keeps resources with their statuses for the next ring."""
        _write(self._objects, list(objects))

    def remembered(self) -> list[dict[str, Any]]:
        """What a former ring has kept; nothing where there was none.

        Raises:
            RingError: there is something else, which the next decision would write over.
        """
        try:
            return kept(json.loads(self._objects.read_text()))
        except FileNotFoundError:
            return []
        except (OSError, ValueError):
            raise RingError(
                f"{self._objects} is not what a ring has kept; put the right file in its place, "
                "or forget it by `dohyo up --fresh`"
            ) from None

    def forget(self) -> None:
        """Drops what former rings have kept."""
        self._objects.unlink(missing_ok=True)
        shutil.rmtree(self.evidence, ignore_errors=True)
        self.evidence.mkdir(exist_ok=True)

    def _held_by(self) -> str:
        present = self.presence()
        if present is None:
            return f"{self.folder} is in use by another ring; name another folder by --state"
        files = " ".join(present.files)
        return (
            f"{self.folder} is in use by the ring of process {present.process} (dohyo up {files}); "
            "end that one, or name another folder by --state"
        )


def default_folder(environ: Mapping[str, str]) -> Path:
    """The folder of a user's ring when none is named."""
    root = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(root) / "dohyo" / "ring"


def _write(path: Path, document: object) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(document))
    unfinished.replace(path)
