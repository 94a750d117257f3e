"""One thing that happened, as Kubernetes tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

EventType: TypeAlias = Literal["Normal", "Warning"]


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        type: as Kubernetes has it.
        reason: in one word.
        message: in a sentence.
    """

    type: EventType
    reason: str
    message: str
