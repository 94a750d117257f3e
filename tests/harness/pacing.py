"""The open loop: what is due is sent, whether or not earlier things were answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator


def steady(per_second: float) -> Iterator[float]:
    """Seconds after the start at which something is due, evenly spaced and without an end."""
    return (number / per_second for number in itertools.count())


async def send_on_time(
    times: Iterable[float],
    ended: asyncio.Event,
    send: Callable[[int, float], Coroutine[Any, Any, None]],
) -> None:
    """Starts to send each time, until the times or the caller end it, and waits for what is sent.

    Args:
        times: seconds after the start, in order.
        ended: nothing more is sent once it is set.
        send: gets the number, counted from 0, and the moment at which it is due, in seconds since
            the epoch.
    """
    began = time.time()
    under_way: set[asyncio.Task[None]] = set()
    for number, after in enumerate(times):
        due = began + after
        if await _ended_before(due, ended):
            break
        task = asyncio.create_task(send(number, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _ended_before(due: float, ended: asyncio.Event) -> bool:
    remaining = due - time.time()
    if remaining > 0:
        try:
            await asyncio.wait_for(ended.wait(), remaining)
        except TimeoutError:
            return False
    return ended.is_set()


@contextmanager
def beside(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Runs it in a thread of its own while the block runs; then tells it to end, and waits.

    What it raises is raised here.
    """
    ended = asyncio.Event()
    with asyncio.Runner() as own, ThreadPoolExecutor(max_workers=1) as thread:
        loop = own.get_loop()
        running = thread.submit(own.run, run(ended))
        try:
            yield
        finally:
            loop.call_soon_threadsafe(ended.set)
            running.result()
