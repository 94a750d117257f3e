"""What an unfinished run leaves for the next one: finished parts, whole or not at all."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_training.build.trial import Trial


# Export and packing take minutes; a day is no run that still writes.
_ABANDONED_SECONDS: Final = 86_400


class RunState:
    """Finished parts of a search, in a folder that is named after everything they depend on.

    The files are read by the very code that wrote them and by no other: the name holds its hash.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.recalled = 0

    def recall(self, name: str) -> list[Trial] | None:
        """The trials of a finished part; None where it was not finished."""
        try:
            content = (self._folder / f"{name}.part").read_bytes()
        except FileNotFoundError:
            return None
        trials: list[Trial] = pickle.loads(content)  # noqa: S301 - our own, in the user's folder
        self.recalled += len(trials)
        return trials

    def keep(self, name: str, trials: list[Trial]) -> None:
        """Writes a finished part."""
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._folder / f"{name}.part", pickle.dumps(trials))

    def forget(self) -> None:
        """Removes everything; the run is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)


def ensure_writable(folder: Path, field: str) -> None:
    """Looks whether a folder can be made and written to, and leaves nothing there.

    Raises:
        Complaint: it cannot, which is better known before an hour of fits than after it.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=".dohyo-"):
            pass
    except OSError as error:
        raise Complaint(
            f"{field}: {folder} cannot be written to ({error.strerror}); name another folder"
        ) from None


def replace_file(file: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, whatever happens."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def folder_or_nothing(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes its name only when all is written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    work.chmod(0o755)
    try:
        yield work
        if folder.exists():
            old = work.with_name(work.name + ".old")
            folder.rename(old)
            work.rename(folder)
            shutil.rmtree(old)
        else:
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes what killed runs of this version left, and nothing that one may still write to."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
