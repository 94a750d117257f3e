"""One line of a table: what was measured, and the limits that it must lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dohyo_evidence.sequential.arrays import FloatArray

ALPHA = 0.05
LIMIT = math.log(1 / ALPHA)


@dataclass(frozen=True)
class Row:
    """A case and its result.

    Attributes:
        name: of the case and the test.
        measured: a share of runs, or a median.
        low, high: the limits.
        stated: what the literature or an earlier simulation found; None without.
    """

    name: str
    measured: float
    low: float
    high: float
    stated: float | None = None

    @property
    def holds(self) -> bool:
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        stated = "" if self.stated is None else f"{self.stated:g}"
        verdict = "ok" if self.holds else "MISSED"
        limits = f"{self.low:.4g} to {self.high:.4g}"
        return f"{self.name:<68}{self.measured:>10.4g}{limits:>20}{stated:>9}  {verdict}"


def null(name: str, times: FloatArray, alpha: float = ALPHA, stated: float | None = None) -> Row:
    """A shipped test where nothing is to be found: at most alpha + 3 standard errors."""
    return Row(name, share(times), 0.0, alpha + 3 * error(alpha, times.size), stated)


def control(name: str, times: FloatArray, alpha: float = ALPHA, stated: float | None = None) -> Row:
    """What is not shipped must break its promise, or the case is none."""
    return Row(name, share(times), alpha + 3 * error(alpha, times.size), 1.0, stated)


def median(name: str, times: FloatArray, stated: float) -> Row:
    """A median stopping time at most 20 percent above what was stated; sooner is no miss."""
    return Row(name, float(np.median(times)), 0.5 * stated, 1.2 * stated, stated)


def power(name: str, times: FloatArray, stated: float, tolerance: float) -> Row:
    """A share of runs that find what is there; more than stated is no miss."""
    return Row(name, share(times), stated - tolerance, 1.0, stated)


def share(times: FloatArray) -> float:
    """Of the runs that decided at all."""
    return float(np.isfinite(times).mean())


def error(alpha: float, runs: int) -> float:
    """The standard error of a share alpha of the runs."""
    return math.sqrt(alpha * (1 - alpha) / runs)
