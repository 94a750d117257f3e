"""The digest of a bento's folder: of names and contents, whatever archive they came in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from dohyo_serving.errors import ServingError

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX: Final = "sha256:"
_CHUNK: Final = 1024 * 1024


def of_folder(folder: Path) -> str:
    """SHA-256 over the sorted paths of all files, each with the digest of its content."""
    whole = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                content.update(chunk)
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + content.digest())
    return _PREFIX + whole.hexdigest()


def check(folder: Path, expected: str) -> None:
    """Compares before any code of the bento runs.

    Raises:
        ServingError: the folder holds something else.
    """
    found = of_folder(folder)
    if found != expected:
        raise ServingError(
            f"{folder} has the digest {found}, {expected} is demanded: "
            "it is another bento or was changed; fetch it anew or correct --digest"
        )
