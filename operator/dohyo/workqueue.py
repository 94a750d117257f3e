"""Which key is to be worked on when: each once however often it was asked for, never twice at once.

A key that fails comes again, later each time; a key that is asked for while it is being worked on
is worked on once more afterwards.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from random import Random

K = TypeVar("K", bound="Hashable")

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 60.0


class WorkQueue(Generic[K]):
    """A queue of keys for a number of workers, within one running event loop.

    Args:
        work: what to do with a key; returns the seconds after which it wants to be called again
            without anything having happened, or None. Raising puts the key off.
        random: spreads retries.
    """

    def __init__(self, work: Callable[[K], Awaitable[float | None]], random: Random) -> None:
        self._work = work
        self._random = random
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._busy: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def __len__(self) -> int:
        """Keys that are due and wait for a worker."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing is due and nothing is being worked on."""
        return not self._waiting and not self._busy

    def add(self, key: K, after: float = 0.0) -> None:
        """Asks for a key, at the earliest of all times that were asked for."""
        if key in self._waiting:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + after:
                return
            timer.cancel()
        if after > 0:
            self._timers[key] = loop.call_later(after, self._due, key)
        else:
            self._due(key)

    def forget(self, key: K) -> None:
        """Drops what is remembered of a key's failures."""
        self._failures.pop(key, None)

    async def run(self, workers: int) -> None:
        """Works until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(workers):
                group.create_task(self._worker(), name=f"worker {number}")

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self._waiting.add(key)
        if key not in self._busy:
            self._ready.put_nowait(key)

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._busy.add(key)
            try:
                again = await self._work(key)
            except Exception:
                again = self._delay(key)
            else:
                self._failures.pop(key, None)
            finally:
                self._busy.discard(key)
                if key in self._waiting:
                    self._ready.put_nowait(key)
            if again is not None:
                self.add(key, again)

    def _delay(self, key: K) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest: float = min(
            _LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(failures, 20)
        )
        return longest * self._random.uniform(0.5, 1.0)
