"""Bodies that do not come: a client that dawdles is told so, and all others pay nothing for it.

A timer for each request would cost more than reading its body; one look a second at those that
are still being read is enough.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from dohyo_serving.failures import SLOW, RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Patience:
    """Waits for bodies, each for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._looks = False

    async def read(self, body: Awaitable[bytes]) -> bytes:
        """The body.

        Raises:
            RequestError: it did not come in time.
        """
        task = asyncio.current_task()
        assert task is not None, "requests are answered by tasks"
        self._reading[task] = time.monotonic() + self._seconds
        if not self._looks:
            self._look()
        try:
            return await body
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise RequestError(
                SLOW, f"the body did not come within {self._seconds:g} s; send it at once"
            ) from None
        finally:
            del self._reading[task]
            self._late.discard(task)

    def _look(self) -> None:
        now = time.monotonic()
        for task, until in self._reading.items():
            if now > until:
                self._late.add(task)
                task.cancel()
        self._looks = bool(self._reading)
        if self._looks:
            pause = min(1.0, self._seconds / 2)
            asyncio.get_running_loop().call_later(pause, self._look)
