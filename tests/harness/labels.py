"""Clients that learn the truth later: they ask, wait, and tell the labels, late and out of order.

How often a version is right is chosen: the label that is told is the predicted class with that
probability, and the other class otherwise. So both versions may run the same model, and be
operationally alike, while one of them is worse by its labels alone.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from dohyo.contract import HEADER_PREDICTION_ID, HEADER_VERSION
from tests.harness.manifests import ENTITY_HEADER
from tests.harness.pacing import beside, send_on_time, steady

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.harness.model import Question

BATCH_ROWS = 100
TELL_SECONDS = 0.05


@dataclass(frozen=True)
class Crowd:
    """Who asks, and what turns out to be true.

    Attributes:
        host: the Host header, which names the ModelDeployment.
        question: that everybody asks; each time as another entity.
        accuracy: how often a version is right, by its name.
        per_second: requests.
        delay_seconds: the shortest and the longest time until a label is told.
        seed: of all chance.
        headers: further ones, by the number of the request, every so many: (every, name, value).
        url: of the gateway.
    """

    host: str
    question: Question
    accuracy: Mapping[str, float]
    per_second: float = 60.0
    delay_seconds: tuple[float, float] = (1.0, 8.0)
    seed: int = 1
    headers: tuple[tuple[int, str, str], ...] = ()
    url: str = "http://127.0.0.1:30080"


@dataclass
class Told:
    """What was done so far.

    Attributes:
        answers: by status and version.
        labels: accepted, by version.
        refused: reasons of refused labels, and how often.
        failures: requests without an answer, in words.
    """

    answers: dict[tuple[int, str], int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    @property
    def failed(self) -> int:
        bad = sum(n for (status, _), n in self.answers.items() if status >= 400)
        return bad + len(self.failures)


@dataclass(order=True)
class _Label:
    due: float
    version: str = field(compare=False)
    row: dict[str, Any] = field(compare=False)


class _Feeding:
    def __init__(self, crowd: Crowd, told: Told) -> None:
        self._crowd = crowd
        self._told = told
        self._chance = random.Random(crowd.seed)
        self._waiting: list[_Label] = []

    async def run(self, ended: asyncio.Event) -> None:
        """Asks and tells until `ended` is set, then tells what is left."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            telling = asyncio.create_task(self._tell_regularly(session, ended))
            times = steady(self._crowd.per_second)
            await send_on_time(times, ended, lambda number, _: self._ask(session, number))
            await telling
            await self._tell(session, float("inf"))

    async def _tell_regularly(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self._tell(session, asyncio.get_running_loop().time())
            await asyncio.sleep(TELL_SECONDS)

    async def _ask(self, session: aiohttp.ClientSession, number: int) -> None:
        crowd = self._crowd
        entity = f"{crowd.seed}-{number}"
        headers = {"Host": crowd.host, ENTITY_HEADER: entity, "Content-Type": "application/json"}
        headers |= {name: value for every, name, value in crowd.headers if number % every == 0}
        try:
            address = f"{crowd.url}{crowd.question.path}"
            async with session.post(address, data=crowd.question.body, headers=headers) as answer:
                body = await answer.read()
                version = answer.headers.get(HEADER_VERSION, "")
                key = (answer.status, version)
                self._told.answers[key] = self._told.answers.get(key, 0) + 1
                name = answer.headers.get(HEADER_PREDICTION_ID)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._told.failures.append(f"{type(error).__name__}: {error}")
            return
        if name is not None and answer.status == 200:
            self._expect(name, version, json.loads(body))

    def _expect(self, name: str, version: str, body: Mapping[str, Any]) -> None:
        """Decides what the truth is, and when it will be told."""
        probabilities = list(body["predictions"][0]["probabilities"].values())
        predicted = max(range(len(probabilities)), key=probabilities.__getitem__)
        right = self._chance.random() < self._crowd.accuracy.get(version, 1.0)
        label = predicted if right else 1 - predicted
        due = asyncio.get_running_loop().time() + self._chance.uniform(*self._crowd.delay_seconds)
        row = {"prediction_id": name, "row": 0, "label": label}
        heapq.heappush(self._waiting, _Label(due, version, row))

    async def _tell(self, session: aiohttp.ClientSession, now: float) -> None:
        """Tells what is due, until the service cannot take it."""
        taken = True
        while taken and self._waiting and self._waiting[0].due <= now:
            batch: list[_Label] = []
            while self._waiting and self._waiting[0].due <= now and len(batch) < BATCH_ROWS:
                batch.append(heapq.heappop(self._waiting))
            taken = await self._send(session, batch)

    async def _send(self, session: aiohttp.ClientSession, batch: list[_Label]) -> bool:
        """One batch; what the service could not take is told again later."""
        crowd = self._crowd
        headers = {"Host": crowd.host}
        rows = [label.row for label in batch]
        try:
            async with session.post(
                f"{crowd.url}/feedback", json={"rows": rows}, headers=headers
            ) as answer:
                said = await answer.json() if answer.status < 429 else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            said = None
        if said is None:
            again = asyncio.get_running_loop().time() + 1.0
            for label in batch:
                heapq.heappush(self._waiting, _Label(again, label.version, label.row))
            return False
        refused = {r["index"]: r["reason"] for r in said.get("refused", ())}
        for index, label in enumerate(batch):
            if index in refused:
                reason = refused[index]
                self._told.refused[reason] = self._told.refused.get(reason, 0) + 1
            else:
                self._told.labels[label.version] = self._told.labels.get(label.version, 0) + 1
        return True


@contextmanager
def told_by(crowd: Crowd) -> Iterator[Told]:
    """Lets the crowd ask and tell while the block runs."""
    told = Told()
    with beside(_Feeding(crowd, told).run):
        yield told
