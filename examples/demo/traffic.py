"""Requests whose right answers are known, asked at a pace; the answers are told afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp

from dohyo.contract import HEADER_PREDICTION_ID
from examples.demo.predictions import CUSTOMER_HEADER, TIMEOUT, VERSION_HEADER

if TYPE_CHECKING:
    from examples.demo.story import Question, Story

NOBODY: Final = "(no answer)"
_TELL_SECONDS: Final = 0.5
# What latencies are told of: the last answers of each version.
_KEPT: Final = 2000


@dataclass
class Count:
    """What one version has answered."""

    requests: int = 0
    errors: int = 0
    right: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Traffic:
    """Asks on until it is cancelled.

    Args:
        url: of predictions.
        story: what is asked, and how often, answered or not the requests before.

    Attributes:
        counts: by version.
        failures: the first few, in words.
        told: labels that the evidence service has taken.
    """

    def __init__(self, url: str, story: Story) -> None:
        self.counts: dict[str, Count] = {}
        self.failures: list[str] = []
        self._url = url
        self._story = story
        self._asked: set[asyncio.Task[None]] = set()
        self._outcomes: list[dict[str, object]] = []
        self.told = 0

    async def run(self, seconds: float, enough: asyncio.Event) -> None:
        """Asks for that long, or until it is enough, and waits for the last answers."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
            began = time.monotonic()
            for number, question in enumerate(self._story.questions()):
                due = began + number / self._story.per_second
                if due > began + seconds or enough.is_set():
                    break
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                task = asyncio.create_task(self._ask(session, number, question))
                self._asked.add(task)
                task.add_done_callback(self._asked.discard)
            await asyncio.gather(*self._asked)

    async def tell(self, url: str) -> None:
        """Tells the truth about predictions, as it becomes known, until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                await asyncio.sleep(_TELL_SECONDS)
                rows, self._outcomes = self._outcomes, []
                if not rows:
                    continue
                try:
                    async with session.post(url, json={"rows": rows}) as answer:
                        self.told += int((await answer.json()).get("accepted", 0))
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    self._outcomes += rows  # again with the next ones

    def _note(self, prediction: str | None, truth: str) -> None:
        if prediction is not None:
            self._outcomes.append({"prediction_id": prediction, "row": 0, "label": truth})

    async def _ask(self, session: aiohttp.ClientSession, number: int, question: Question) -> None:
        began = time.monotonic()
        headers = {CUSTOMER_HEADER: f"customer-{number}", "Content-Type": "application/json"}
        version, label, error = NOBODY, "", ""
        try:
            async with session.post(self._url, data=question.body, headers=headers) as answer:
                text = await answer.read()
                version = answer.headers.get(VERSION_HEADER, NOBODY)
                if answer.status == 200:
                    self._note(answer.headers.get(HEADER_PREDICTION_ID), question.truth)
                    label = json.loads(text)["predictions"][0]["label"]
                else:
                    error = f"{answer.status}: {text[:200].decode(errors='replace')}"
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError) as problem:
            error = str(problem) or type(problem).__name__
        count = self.counts.setdefault(version, Count())
        count.requests += 1
        if error:
            count.errors += 1
            self.failures = [*self.failures, error][:3]
        else:
            count.right += label == question.truth
            count.seconds.append(time.monotonic() - began)
