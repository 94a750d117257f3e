"""Again, as long as that may help: what is temporary is retried, nothing else is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dohyo_serving.fetch.errors import FetchError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 15.0


@dataclass(frozen=True)
class Patience:
    """How long it lasts, and by which clock.

    Attributes:
        seconds: from the first temporary failure after a success, or the start, to giving up.
        clock: seconds that only grow.
        sleep: waits so many seconds.
        chance: between 0 and 1; spreads the attempts of many pods.
        say: takes a line for the log.
    """

    seconds: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    say: Callable[[str], None]

    def with_retries(self, attempt: Callable[[], _T]) -> _T:
        """The result of the first attempt that succeeds.

        Raises:
            FetchError: it failed for good, or for too long.
        """
        failed_since: float | None = None
        wait = _FIRST_WAIT
        count = 0
        while True:
            count += 1
            began = self.clock()
            try:
                return attempt()
            except TemporaryError as error:
                now = self.clock()
                # An attempt that went well for long before it broke is a new beginning.
                if failed_since is None or now - began > self.seconds:
                    failed_since = now
                pause = error.wait_seconds or wait * (0.5 + self.chance())
                if now + pause - failed_since > self.seconds:
                    raise FetchError(f"{error} (given up after {count} attempts)") from error
                self.say(f"{error}; again in {pause:.0f} s")
            self.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT)
