"""E-values that remember their peak, and how they are told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dohyo.contract.evidence import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_LOG: Final = 690.0


class Peaks:
    """The largest log e-value of each claim at any look; a rejection stands."""

    def __init__(self, state: Mapping[str, float] | None = None) -> None:
        self._peaks = dict(state or {})

    def note(self, name: str, log_e: float) -> None:
        self._peaks[name] = max(self._peaks.get(name, 0.0), log_e)

    def claim(self, name: str, null: str, log_e: float, threshold: float | None) -> Claim:
        peak = max(self._peaks.get(name, 0.0), log_e)
        return Claim(name, null, _e(log_e), _e(peak), threshold)

    def to_state(self) -> dict[str, float]:
        return dict(self._peaks)


def log_average(logs: list[float]) -> float:
    """The log of the average of e-values, itself an e-value."""
    top = max(logs)
    return top + math.log(sum(math.exp(one - top) for one in logs) / len(logs))


def told(claim: Claim) -> str:
    """``e-value 41.2 >= 20``."""
    if claim.threshold is None:
        return f"e-value {claim.peak:.3g}"
    sign = ">=" if claim.rejected else "<"
    return f"e-value {claim.peak:.3g} {sign} {claim.threshold:.3g}"


def _e(log_e: float) -> float:
    return math.exp(min(log_e, _LARGEST_LOG))
