"""The last moment at which this process may write.

A process that was frozen does not know it: its next write would come after another operator has
taken over. So each write looks at a clock that goes on through a freeze and through a suspended
machine, and is refused once the Lease may have passed to somebody else.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dohyo.cluster.errors import LeadershipLost

if TYPE_CHECKING:
    from collections.abc import Callable


def boot_clock() -> float:
    """Seconds since the machine started, suspended times included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Shut until the Lease is held, and again as soon as it may be lost."""

    def __init__(self, clock: Callable[[], float] = boot_clock) -> None:
        self._clock = clock
        self._deadline = float("-inf")

    def open_until(self, deadline: float) -> None:
        """Lets writes pass until the clock shows `deadline`."""
        self._deadline = deadline

    def shut(self) -> None:
        self._deadline = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._clock() < self._deadline

    def check(self) -> None:
        """Lets a write pass.

        Raises:
            LeadershipLost: the deadline has passed.
        """
        if not self.is_open:
            raise LeadershipLost("the Lease is not held for sure any more; nothing is written")
