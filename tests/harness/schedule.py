"""When each request of an open-loop load is sent, whatever became of the ones before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Phase:
    """A stretch of constant load: requests per second, and for how many seconds."""

    rate: float
    seconds: float

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.seconds <= 0:
            raise ValueError(f"a phase needs a rate and a length above 0, not {self}")


def send_times(phases: tuple[Phase, ...]) -> Iterator[float]:
    """Seconds after the start at which a request is due, evenly spaced within each phase."""
    began = 0.0
    for phase in phases:
        for number in range(round(phase.rate * phase.seconds)):
            yield began + number / phase.rate
        began += phase.seconds


def entity_at(number: int, population: int) -> str | None:
    """Whose request the n-th one is: a walk that visits every entity once per round.

    None when nobody is named (`population` 0). The stride is coprime to the population, so that
    neighbours in time are no neighbours by name.
    """
    if population == 0:
        return None
    stride = 7919 if population % 7919 else 7907
    return f"entity-{number * stride % population:06d}"
