"""Predictions through the gateway: asked at a steady pace, each answer timed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp
from sklearn.datasets import load_breast_cancer

VERSION_HEADER = "x-dohyo-version"
CUSTOMER_HEADER = "x-customer-id"
TIMEOUT = aiohttp.ClientTimeout(total=10)
PER_SECOND = 100


@dataclass(frozen=True)
class Answer:
    """What became of one request; `version` is empty when nobody answered.

    Attributes:
        version: by the answer's header.
        seconds: from when the request was due to the last byte of its answer.
        error: in words; empty when the answer was a prediction.
    """

    version: str
    seconds: float
    error: str = ""


def records(count: int) -> list[dict[str, float]]:
    """So many tumours of the data set, each with its thirty measurements by name."""
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    rows = data.data.tolist()
    return [dict(zip(names, rows[n % len(rows)], strict=True)) for n in range(count)]


async def ask(url: str, host: str, count: int) -> list[Answer]:
    """Asks for one prediction for each of `count` customers, PER_SECOND of them a second.

    Each request leaves when it is due, answered or not the ones before, and none is repeated.
    """
    began = time.monotonic()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
        asked = []
        for number, record in enumerate(records(count)):
            due = began + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            headers = {"Host": host, CUSTOMER_HEADER: f"customer-{number}"}
            request = session.post(url, json={"records": [record]}, headers=headers)
            asked.append(asyncio.create_task(_answer(request, due)))
        return await asyncio.gather(*asked)


async def _answer(request: aiohttp.client._RequestContextManager, due: float) -> Answer:
    try:
        async with request as response:
            body = await response.text()
            version = response.headers.get(VERSION_HEADER, "")
            error = "" if response.status == 200 else f"{response.status}: {body[:200]}"
    except (aiohttp.ClientError, TimeoutError) as problem:
        version, error = "", str(problem) or type(problem).__name__
    return Answer(version, time.monotonic() - due, error)
