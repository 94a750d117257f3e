"""Bentos on this machine: in the store, in a folder, or in an archive of `bentoml export`.

The store is read as files: importing BentoML takes longer than all the rest of a command.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from dohyo.api.guessing import way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

_BENTO_FILE: Final = "bento.yaml"
_FINGERPRINT: Final = 12


class BentoError(Exception):
    """There is no such bento, or it cannot be read; with the way out after a semicolon."""


@dataclass(frozen=True)
class Bento:
    """A built bento.

    Attributes:
        tag: name:version, as it says itself.
        path: its folder, or its archive.
        fingerprint: of its description, which holds the time it was built at.
    """

    tag: str
    path: Path
    fingerprint: str


def store_of(environ: Mapping[str, str]) -> Path:
    """The folder of the BentoML store."""
    return Path(environ.get("BENTOML_HOME") or Path.home() / "bentoml").expanduser().absolute()


def in_store(store: Path, tag: str) -> Bento:
    """The bento of a tag.

    Raises:
        BentoError: it is not in the store; names the tag that was most likely meant.
    """
    name, _, version = tag.partition(":")
    folder = store / "bentos" / name / version
    if (folder / _BENTO_FILE).is_file():
        return in_place(folder)
    where_none = "it holds none; build one with `bentoml build`, or set BENTOML_HOME"
    hint = way_out(tag, tags_in(store), where_none)
    raise BentoError(f"is not in the store {store}; {hint}")


def tags_in(store: Path) -> list[str]:
    """All tags of a store, sorted."""
    found = (store / "bentos").glob(f"*/*/{_BENTO_FILE}")
    return sorted(f"{file.parent.parent.name}:{file.parent.name}" for file in found)


def in_place(path: Path) -> Bento:
    """The bento in a folder or an archive.

    Raises:
        BentoError: there is none.
    """
    text = _description(path)
    try:
        document = yaml.safe_load(text)
        tag = f"{document['name']}:{document['version']}"
    except (yaml.YAMLError, KeyError, TypeError):
        raise BentoError(f"{_BENTO_FILE} says no name and version; build the bento anew") from None
    return Bento(tag, path, hashlib.sha256(text).hexdigest()[:_FINGERPRINT])


def _description(path: Path) -> bytes:
    try:
        if path.is_dir():
            return (path / _BENTO_FILE).read_bytes()
        with tarfile.open(path) as archive:
            name = next(n for n in archive.getnames() if Path(n) == Path(_BENTO_FILE))
            member = archive.extractfile(name)
            return member.read() if member is not None else b""
    except FileNotFoundError:
        what = f"has no {_BENTO_FILE}" if path.is_dir() else "is not there"
        raise BentoError(f"{what}; name a built bento's folder, or its archive") from None
    except StopIteration:
        raise BentoError(f"holds no {_BENTO_FILE}; make it with `bentoml export`") from None
    except (tarfile.TarError, OSError) as error:
        why = " ".join(str(error).split())
        raise BentoError(f"cannot be read: {why}; make it with `bentoml export`") from None


def folder_of(bento: Path, fingerprint: str, unpacked: Path) -> Path:
    """The folder of a bento that `in_place` has found; an archive is unpacked once.

    Args:
        bento: its folder or archive.
        fingerprint: as it was when it was found.
        unpacked: where archives are unpacked.

    Raises:
        OSError: it is gone, or is another one by now.
    """
    folder = unpacked / fingerprint
    if (folder / _BENTO_FILE).is_file():
        return folder
    _ensure_same(bento, fingerprint)
    if bento.is_dir():
        return bento
    unfinished = unpacked / f".{fingerprint}.{os.getpid()}"
    try:
        with tarfile.open(bento) as archive:
            archive.extractall(unfinished, filter="data")
        unfinished.rename(folder)
    except tarfile.TarError as error:
        raise OSError(f"{bento} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _ensure_same(bento: Path, fingerprint: str) -> None:
    try:
        present = in_place(bento).fingerprint
    except BentoError as error:
        raise OSError(f"{bento} {error}") from None
    if present != fingerprint:
        raise OSError(
            f"{bento} was build {fingerprint} when it was taken, and is {present} now; "
            "give the new build a tag and a name of its own, or end the ring and start it anew"
        )
