"""What a bout of the demo is about: two versions of which one really is better, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TUMOURS: Final = "tumours"
SATISFACTION: Final = "satisfaction"
BETTER: Final = "better"
WORSE: Final = "worse"


@dataclass(frozen=True)
class Question:
    """The body of a request, and the name of the class that turns out to be true."""

    body: bytes
    truth: str


@dataclass(frozen=True)
class Seat:
    """A version in the ring: its name there, and the tag of its bento."""

    name: str
    bento: str


@dataclass(frozen=True)
class Story:
    """A bout that is ready to be fought.

    Attributes:
        model: names the ModelDeployment.
        champion, challenger: as the bout begins.
        truth: better or worse: what the challenger really is.
        held_out: scores on rows that neither version has seen, by the name in the ring.
        evidence: the same in a sentence.
        rollout: `spec.rollout`.
        per_second: requests.
        seconds: of traffic at most, unless somebody says otherwise.
        questions: without end, the same on every run.
    """

    model: str
    champion: Seat
    challenger: Seat
    truth: str
    held_out: Mapping[str, Mapping[str, float]]
    evidence: str
    rollout: Mapping[str, Any]
    per_second: float
    seconds: float
    questions: Callable[[], Iterator[Question]]

    def spec(self, sticky_header: str) -> dict[str, Any]:
        """Of the ModelDeployment."""
        champion, challenger = (
            {"name": seat.name, "bento": seat.bento} for seat in (self.champion, self.challenger)
        )
        return {
            "champion": champion,
            "challengers": [challenger],
            "traffic": {"stickyBy": {"header": sticky_header}},
            "rollout": dict(self.rollout),
        }
