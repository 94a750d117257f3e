"""A status that stays below what one object may hold, whatever its gates have to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from dohyo.api.conditions import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.api.status import GateFinding, ModelDeploymentStatus, Verdict

MAX_STATUS_BYTES: Final = 64 * 1024
# A message of a gate, when there is no room for more.
_SHORT_BYTES: Final = 60


def fitted(status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status in at most MAX_STATUS_BYTES.

    What goes first is what others can still tell: the gates of versions that are out, the evidence
    of the oldest bouts, then the length of gates' messages.
    """
    for smaller in _ever_smaller(status):
        if _size(smaller) <= MAX_STATUS_BYTES:
            return smaller
    return smaller


def _ever_smaller(status: ModelDeploymentStatus) -> Iterator[ModelDeploymentStatus]:
    yield status
    out = tuple(
        r.model_copy(update={"verdict": _without_gates(r.verdict)}) for r in status.rejections
    )
    status = status.model_copy(update={"rejections": out})
    yield status
    for index in reversed(range(len(status.history))):
        bare = status.history[index].model_copy(update={"evidence": None})
        history = (*status.history[:index], bare, *status.history[index + 1 :])
        status = status.model_copy(update={"history": history})
        yield status
    trials = tuple(r.model_copy(update={"verdict": _shorter(r.verdict)}) for r in status.rollouts)
    yield status.model_copy(update={"rollouts": trials})


def _without_gates(verdict: Verdict | None) -> Verdict | None:
    return verdict.model_copy(update={"gates": ()}) if verdict else None


def _shorter(verdict: Verdict | None) -> Verdict | None:
    if verdict is None:
        return None
    return verdict.model_copy(update={"gates": tuple(map(_short, verdict.gates))})


def _short(gate: GateFinding) -> GateFinding:
    message = shortened(gate.message, _SHORT_BYTES) if gate.message else None
    return gate.model_copy(update={"message": message})


def _size(status: ModelDeploymentStatus) -> int:
    return len(json.dumps(status.as_raw(), ensure_ascii=False).encode())
