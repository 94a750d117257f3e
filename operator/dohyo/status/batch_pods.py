"""Pods of a batch prediction → what keeps them, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.api.batch_conditions import BatchReason
from dohyo.api.conditions import Reason
from dohyo.contract import FETCH_CONTAINER
from dohyo.plan.batch_names import LABEL_INDEX
from dohyo.plan.batch_pod import CONTAINER
from dohyo.status.fetched import fetched_by
from dohyo.status.pods import trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

_REASONS: Final = {
    Reason.OUT_OF_MEMORY: BatchReason.OUT_OF_MEMORY,
    Reason.IMAGE_NOT_AVAILABLE: BatchReason.POD_STUCK,
    Reason.BENTO_NOT_AVAILABLE: BatchReason.POD_STUCK,
    Reason.UNSCHEDULABLE: BatchReason.POD_STUCK,
}


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod.

    Attributes:
        reason: of the condition.
        message: with the shard that it is about.
        severity: the one to be told of first has the highest.
    """

    reason: BatchReason
    message: str
    severity: int


def troubles(pods: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Trouble]:
    """What is wrong with pods whose program has not ended; there is no probe that could fail."""
    for pod in pods:
        if _has_ended(pod):
            continue
        found = trouble([_unprobed(pod)], now)
        if found is not None:
            shard = (pod["metadata"].get("labels") or {}).get(LABEL_INDEX)
            place = f"shard {shard}: " if shard is not None else ""
            reason = _REASONS.get(found.reason, BatchReason.POD_FAILS)
            yield Trouble(reason, f"{place}{found.message}", found.severity)


def _has_ended(pod: Mapping[str, Any]) -> bool:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(
        c.get("name") == CONTAINER and "terminated" in (c.get("state") or {}) for c in containers
    )


def _unprobed(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The pod as if its program passed the probes that it has not."""
    status = dict(pod.get("status") or {})
    status["containerStatuses"] = [
        {**c, "ready": True} if "running" in (c.get("state") or {}) else c
        for c in status.get("containerStatuses") or ()
        if c.get("name") == CONTAINER
    ]
    status["initContainerStatuses"] = [
        {**c, "name": FETCH_CONTAINER} if str(c.get("name")).startswith(FETCH_CONTAINER) else c
        for c in status.get("initContainerStatuses") or ()
    ]
    return {**pod, "status": status}


def fetched_digests(pods: Iterable[Mapping[str, Any]], versions: list[str]) -> dict[str, str]:
    """The digests of bentos as the pods' init containers have fetched them, by version."""
    found: dict[str, str] = {}
    for pod in pods:
        for number, name in enumerate(versions):
            word = fetched_by(pod, f"{FETCH_CONTAINER}-{number}")
            if word is not None and word.digest is not None:
                found.setdefault(name, word.digest)
    return found
