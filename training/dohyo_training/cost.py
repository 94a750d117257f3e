"""What a run has taken so far: time, processor time, memory."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of the process and of workers that have ended.
        peak_bytes: the greatest resident size of the process and of its largest worker.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s, {self.cpu_seconds:.0f} CPU s, "
            f"{self.peak_bytes / 2**20:.0f} MiB at most"
        )

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_bytes": self.peak_bytes,
        }


class Meter:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._began, self._cpu = time.monotonic(), _cpu_seconds()

    def cost(self) -> Cost:
        """What was taken up to now."""
        return Cost(time.monotonic() - self._began, _cpu_seconds() - self._cpu, _peak_bytes())


def _cpu_seconds() -> float:
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + workers.ru_utime + workers.ru_stime


def _peak_bytes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
