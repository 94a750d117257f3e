"""What is known when a verdict is asked for: the evidence, and what the operator asked itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract.evidence import EvidenceReport, TrialReport


@dataclass(frozen=True)
class Measured:
    """The answer to a query of a prometheus gate.

    Attributes:
        value: one number; None when there was none.
        problem: why there is none: no answer, no series, several series.
    """

    value: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Latency:
    """How long the answers of one version took, as the gateways counted them.

    Attributes:
        counts: by upper bound in seconds, cumulative and ascending; the last bound is infinite.
    """

    counts: tuple[tuple[float, int], ...] = ()

    @property
    def total(self) -> int:
        return self.counts[-1][1] if self.counts else 0

    def quantile(self, q: float) -> float | None:
        """Seconds below which that share of the answers stayed, straight between the bounds.

        None without answers, or where it lies beyond the last finite bound.
        """
        wanted = q * self.total
        low, below = 0.0, 0
        for bound, count in self.counts:
            if count >= wanted and count > below:
                if bound == float("inf"):
                    return None
                return low + (bound - low) * (wanted - below) / (count - below)
            low, below = bound, count
        return None


@dataclass(frozen=True)
class Evidence:
    """The input of a verdict beside spec, status and clock.

    Attributes:
        asked: whether anybody could be asked yet; before that nothing follows from silence.
        report: the evidence service's last word; None when there is none that is fresh.
        problem: why there is none.
        measured: answers to the queries of prometheus gates, by challenger and gate.
        latencies: by version.
    """

    asked: bool = False
    report: EvidenceReport | None = None
    problem: str = "no evidence service is configured"
    measured: Mapping[tuple[str, str], Measured] = field(default_factory=dict)
    latencies: Mapping[str, Latency] = field(default_factory=dict)

    def trial(self, name: str) -> TrialReport | None:
        return self.report.trial(name) if self.report is not None else None


# Before anybody was asked. One object, so that "still nothing" can be told by identity.
UNASKED: Final = Evidence()
