"""A spec for a cluster → the same spec for this machine: every version is found here.

On a cluster `image` or `uri` says where a version's code comes from. Here it is the bento itself:
the one with the tag in the local store, or the folder or archive that a `file://` address names.
What was found is written into `image` with a fingerprint, so that all that follows (the content a
name is bound to, the plan, the Deployment) knows it the way it knows an image.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from dohyo.api.violations import Violation
from dohyo.local.bentos import BentoError, folder_of, in_place, in_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo.local.bentos import Bento

_SCHEME: Final = "file://"


def admitted(
    raw: Mapping[str, Any], store: Path, beside: Path
) -> tuple[dict[str, Any], list[Violation]]:
    """The resource for this machine, and what is wrong with its bentos.

    Args:
        raw: as somebody wrote it; whatever else is wrong with it is not looked at.
        store: the BentoML store.
        beside: the folder that relative `file://` addresses begin at.
    """
    local = copy.deepcopy(dict(raw))
    found: list[Violation] = []
    for place, version in _versions(local.get("spec")):
        found += _settle(version, place, store, beside)
    return local, found


def located(image: str, unpacked: Path) -> Path:
    """The folder of a bento by the `image` that `admitted` has written.

    Raises:
        OSError: it is not there any more.
    """
    address, _, fingerprint = image.rpartition(":")
    path = Path(unquote(address.removeprefix(_SCHEME)))
    if not path.exists():
        raise FileNotFoundError(2, f"{path} is gone")
    return folder_of(path, fingerprint, unpacked)


def _versions(spec: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(spec, dict):
        return
    if isinstance(spec.get("champion"), dict):
        yield "spec.champion", spec["champion"]
    challengers = spec.get("challengers")
    for number, version in enumerate(challengers if isinstance(challengers, list) else ()):
        if isinstance(version, dict):
            yield f"spec.challengers[{number}]", version


def _settle(version: dict[str, Any], place: str, store: Path, beside: Path) -> Iterator[Violation]:
    """Writes where the bento lies into `image`, in place of how a cluster would get it."""
    tag, uri = version.get("bento"), version.get("uri")
    if not isinstance(tag, str) or ":" not in tag or tag.endswith(":latest"):
        return  # what is wrong with the tag is told by the rules
    is_file = isinstance(uri, str) and uri.startswith(_SCHEME)
    try:
        bento = _by_address(str(uri), beside) if is_file else in_store(store, tag)
    except BentoError as error:
        words, _, way_out = str(error).partition("; ")
        field = "uri" if is_file else "bento"
        yield Violation(f"{place}.{field}", version[field], words, way_out)
        return
    if bento.tag != tag:
        yield Violation(f"{place}.bento", tag, f"is not what uri holds: {bento.tag}", "name that")
        return
    yield from _undigested(version, place, bento)
    for field in ("uri", "digest"):
        version.pop(field, None)
    version["image"] = f"{_SCHEME}{quote(str(bento.path))}:{bento.fingerprint}"


def _by_address(uri: str, beside: Path) -> Bento:
    path = Path(uri.removeprefix(_SCHEME)).expanduser()
    return in_place((beside / path).resolve())


def _undigested(version: Mapping[str, Any], place: str, bento: Bento) -> Iterator[Violation]:
    """Whether an archive is the one that `digest` names; a folder has no digest."""
    digest = version.get("digest")
    if digest is None or not bento.path.is_file():
        return
    present = f"sha256:{hashlib.sha256(bento.path.read_bytes()).hexdigest()}"
    if present != digest:
        yield Violation(f"{place}.digest", digest, f"is not that of {bento.path}", present)
