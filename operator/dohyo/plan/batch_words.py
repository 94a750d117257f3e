"""How the pods of a run ended, in their own last words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract.batch import EXIT_HOPELESS, BatchSummary
from dohyo.contract.documents import DocumentError, from_json
from dohyo.plan.batch_names import LABEL_INDEX, LABEL_JOB, LABEL_JOB_UID
from dohyo.plan.batch_pod import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dohyo.plan.observed import Manifest


@dataclass(frozen=True)
class Ending:
    """How one pod ended.

    Attributes:
        job: its Job's name.
        shard: its index; None when it has none.
        exit_code: of its container.
        word: Kubernetes' own for it, such as OOMKilled.
        summary: its last words; None when it left none that can be read.
        text: what it left instead, the last line of it.
    """

    job: str
    shard: int | None
    exit_code: int
    word: str
    summary: BatchSummary | None
    text: str

    @property
    def is_hopeless(self) -> bool:
        """Whether another attempt would end the same."""
        return self.exit_code == EXIT_HOPELESS and self.summary is not None


def pods_of(pods: Iterable[Manifest], *jobs: Manifest) -> Iterator[Manifest]:
    """Those of these Jobs, and of no other that had the name of one before it was deleted."""
    uids = {job["metadata"].get("uid") for job in jobs}
    for pod in pods:
        if (pod["metadata"].get("labels") or {}).get(LABEL_JOB_UID) in uids:
            yield pod


def endings(pods: Iterable[Manifest]) -> Iterator[Ending]:
    """Every pod whose program has ended."""
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            ended = (container.get("state") or {}).get("terminated")
            if container.get("name") == CONTAINER and ended:
                yield _ending(labels, ended)


def _ending(labels: Any, ended: Any) -> Ending:
    message = str(ended.get("message") or "")
    index = str(labels.get(LABEL_INDEX, ""))
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return Ending(
        job=str(labels.get(LABEL_JOB, "")),
        shard=int(index) if index.isdecimal() else None,
        exit_code=int(ended.get("exitCode", 0)),
        word=str(ended.get("reason") or ""),
        summary=_summary(lines),
        text=lines[-1] if lines else "",
    )


def _summary(lines: list[str]) -> BatchSummary | None:
    """The words, if they are such: with a fallback to the log, its last line is them."""
    for line in reversed(lines):
        try:
            return from_json(BatchSummary, json.loads(line))
        except (ValueError, DocumentError):
            continue
    return None
