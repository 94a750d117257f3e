"""What is due is sent on time, whatever became of what was sent before."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from tests.harness.pacing import beside, send_on_time, steady


async def test_answers_that_hang_hold_nothing_up() -> None:
    answered, sent = asyncio.Event(), []

    async def send(number: int, due: float) -> None:
        sent.append((number, time.time() - due))
        if number == 4:
            answered.set()
        await answered.wait()

    await send_on_time(itertools.islice(steady(200), 5), asyncio.Event(), send)
    assert [number for number, _ in sent] == [0, 1, 2, 3, 4]
    assert all(late >= 0 for _, late in sent)


async def test_nothing_is_sent_after_the_end() -> None:
    ended, sent = asyncio.Event(), []

    async def send(number: int, _: float) -> None:
        sent.append(number)
        if number == 2:
            ended.set()

    await send_on_time(steady(200), ended, send)
    assert sent == [0, 1, 2]


def test_it_runs_beside_the_block_and_ends_with_it() -> None:
    done: list[str] = []

    async def run(ended: asyncio.Event) -> None:
        done.append("begun")
        await ended.wait()
        done.append("ended")

    with beside(run):
        pass
    assert done == ["begun", "ended"]


def test_what_it_raises_is_not_lost() -> None:
    async def run(ended: asyncio.Event) -> None:
        await ended.wait()
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost"), beside(run):
        pass
