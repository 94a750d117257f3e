"""Once, one at a time, and later each time it fails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from dohyo.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def running(
    work: Callable[[str], Awaitable[float | None]], workers: int = 4
) -> AsyncIterator[WorkQueue[str]]:
    queue: WorkQueue[str] = WorkQueue(work, Random(1))
    task = asyncio.create_task(queue.run(workers))
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.wait([task])


async def done(queue: WorkQueue[str]) -> None:
    async with asyncio.timeout(5):
        while not queue.idle:
            await asyncio.sleep(0)


async def test_a_key_that_waits_is_asked_for_once() -> None:
    seen: list[str] = []

    async def work(key: str) -> None:
        seen.append(key)

    queue: WorkQueue[str] = WorkQueue(work, Random(1))
    for key in ("a", "b", "a", "a"):
        queue.add(key)
    assert len(queue) == 2
    task = asyncio.create_task(queue.run(2))
    await done(queue)
    task.cancel()
    assert sorted(seen) == ["a", "b"]


async def test_a_key_is_never_worked_on_twice_at_once_and_runs_again_if_asked_meanwhile() -> None:
    active, most, runs = 0, 0, 0
    entered, leave = asyncio.Event(), asyncio.Event()

    async def work(_: str) -> None:
        nonlocal active, most, runs
        active, runs = active + 1, runs + 1
        most = max(most, active)
        entered.set()
        await leave.wait()
        active -= 1

    async with running(work) as queue:
        queue.add("a")
        await entered.wait()
        for _ in range(5):
            queue.add("a")
        leave.set()
        await done(queue)
    assert (most, runs) == (1, 2)


async def test_no_more_keys_are_worked_on_than_there_are_workers() -> None:
    active, most = 0, 0
    leave = asyncio.Event()

    async def work(_: str) -> None:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await leave.wait()
        active -= 1

    async with running(work, workers=3) as queue:
        for number in range(10):
            queue.add(str(number))
        async with asyncio.timeout(5):
            while most < 3:
                await asyncio.sleep(0)
        leave.set()
        await done(queue)
    assert most == 3


async def test_a_failing_key_comes_again_later_each_time() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    over = asyncio.Event()

    async def work(_: str) -> None:
        times.append(loop.time())
        if len(times) < 4:
            raise RuntimeError("not yet")
        over.set()

    async with running(work) as queue, asyncio.timeout(10):
        queue.add("a")
        await over.wait()
    delays = [later - earlier for earlier, later in pairwise(times)]
    for delay, growing in zip(delays, (0.1, 0.2, 0.4), strict=True):
        assert growing / 2 <= delay < growing * 1.5


async def test_a_key_is_called_again_when_it_asked_for_it() -> None:
    calls = 0
    over = asyncio.Event()

    async def work(_: str) -> float | None:
        nonlocal calls
        calls += 1
        if calls < 3:
            return 0.01
        over.set()
        return None

    async with running(work) as queue, asyncio.timeout(5):
        queue.add("a")
        await over.wait()
    assert calls == 3


async def test_the_earliest_time_counts() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    over = asyncio.Event()

    async def work(_: str) -> None:
        times.append(loop.time())
        over.set()

    async with running(work) as queue, asyncio.timeout(5):
        started = loop.time()
        queue.add("a", 60.0)
        queue.add("a", 0.05)
        queue.add("a", 30.0)
        await over.wait()
    assert len(times) == 1
    assert 0.04 < times[0] - started < 1.0
