"""Whether everybody has had the time to send what was kept while nobody took it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# No sender waits longer for an answer; then it keeps what it has, and pauses before the next try.
MOST_PATIENCE_SECONDS: Final = 10.0


class CatchUp:
    """Begins at the start, and anew after every time without answers, whatever the reason was.

    A process that hung, as its database may, hears of that from nobody: what tells of it is that
    too much time has passed between two moments at which all was well.

    Args:
        clock: seconds since 1970.
        seconds: that all senders need, whenever each of them tries next.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._well = clock()
        self._until = clock() + seconds

    def is_well(self) -> bool:
        """Notes that batches can be taken at this moment; to be said every second or so.

        Returns:
            Whether that was not so for too long before.
        """
        away = self._has_been_away()
        if away:
            self.was_away()
        self._well = self._clock()
        return away

    def was_away(self) -> None:
        """Notes that batches could not be taken until now."""
        self._until = self._clock() + self._seconds

    @property
    def is_done(self) -> bool:
        """Whether what has come is all that there was to come."""
        return self._clock() >= self._until and not self._has_been_away()

    def _has_been_away(self) -> bool:
        return self._clock() - self._well > MOST_PATIENCE_SECONDS
