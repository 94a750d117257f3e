"""What a version's pods have fetched, in the words that the fetching left in their status."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import FETCH_CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Fetched:
    """A bento, as it was found when it was unpacked.

    Attributes:
        digest: of its archive; None when it was a folder.
        has_library: whether it is made with `dohyo_serving`.
    """

    digest: str | None
    has_library: bool


def fetched(pods: Iterable[Mapping[str, Any]]) -> Fetched | None:
    """What the youngest of these pods has fetched; None while nobody has, or nobody knows."""
    by_age = sorted(pods, key=lambda p: str(p["metadata"].get("creationTimestamp", "")))
    words = [word for pod in by_age if (word := fetched_by(pod, FETCH_CONTAINER)) is not None]
    return words[-1] if words else None


def fetched_by(pod: Mapping[str, Any], name: str) -> Fetched | None:
    """What the pod's init container of that name has fetched; None while it has not."""
    for container in pod.get("status", {}).get("initContainerStatuses", ()):
        ended = container.get("state", {}).get("terminated")
        if container.get("name") == name and ended and ended.get("exitCode") == 0:
            return _parsed(ended.get("message", ""))
    return None


def _parsed(message: str) -> Fetched | None:
    """The word, if it is one: a pod's own program could have written anything."""
    try:
        document = json.loads(message)
        digest, has_library = document["digest"], document["dohyoServing"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(has_library, bool):
        return None
    if not isinstance(digest, str) or re.fullmatch("sha256:[a-f0-9]{64}", digest) is None:
        digest = None
    return Fetched(digest, has_library)
