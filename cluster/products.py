"""Products that are slow to make: named by their inputs, complete or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEY_LENGTH = 12


def key(*parts: str | bytes | Path) -> str:
    """A short name of the inputs of a product.

    A path stands for its content: a file's bytes, or every file below a folder with its name.
    The same inputs give the same key on every machine.
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()[:KEY_LENGTH]


def _pieces(part: str | bytes | Path) -> Iterable[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for file in sorted(part.rglob("*")):
            if file.is_file():
                yield file.relative_to(part).as_posix().encode()
                yield oct(file.stat().st_mode & 0o111).encode()
                yield file.read_bytes()
    else:
        yield part.read_bytes()


@contextmanager
def file_in_making(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes `target` at once when the block ends well, else it vanishes.

    It stands in a folder of its own beside `target`, so that a maker may name its files freely.
    """
    with folder_of_work(target.parent) as folder:
        unfinished = folder / target.name
        yield unfinished
        unfinished.replace(target)


@contextmanager
def folder_of_work(beside: Path) -> Iterator[Path]:
    """A temporary folder on the file system of `beside`, which is made if it is not there.

    What a killed run left behind is removed by the next one.
    """
    beside.mkdir(parents=True, exist_ok=True)
    for left in beside.glob(".making-*"):
        if not _is_alive(left.name.split("-")[1]):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".making-{os.getpid()}-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process_id: str) -> bool:
    return process_id.isdigit() and Path("/proc", process_id).exists()
