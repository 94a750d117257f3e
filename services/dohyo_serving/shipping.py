"""Records on their way to the evidence service: in memory, bounded, and never in the way.

A record costs an append; a task sends what has gathered. When the service is away the newest
records wait up to a bound and the rest is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract.keys import FOR_RECORDS
from dohyo.contract.records import (
    MOST_NUMBERS,
    RECORDS_CONTENT_TYPE,
    RECORDS_PATH,
    PredictionRecord,
    WindowRecord,
    record_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    import numpy as np
    from numpy.typing import NDArray

    from dohyo.contract.keys import Keys
    from dohyo_serving.drift import Drift
    from dohyo_serving.identity import Asked
    from dohyo_serving.settings import Settings

logger = logging.getLogger("bentoml.dohyo")
MOST_WAITING: Final = 20_000
MOST_IN_BATCH: Final = 500
FLUSH_SECONDS: Final = 1.0
FIRST_WINDOW_SECONDS: Final = 1.0
SEND_SECONDS: Final = 10.0
MOST_PAUSE_SECONDS: Final = 30.0
FAREWELL_SECONDS: Final = 2.0


class Shipper:
    """Gathers records and sends them."""

    def __init__(self, settings: Settings, version: str, keys: Callable[[], Keys | None]) -> None:
        assert settings.evidence_url is not None
        self._url = settings.evidence_url + RECORDS_PATH
        self._settings = settings
        self._version = version
        self._keys = keys
        self._queue: deque[PredictionRecord | WindowRecord] = deque()
        self._sampled = int(settings.sample * 2**64)
        self.sent = self.dropped = self.refused = 0
        self._dropped_before = 0
        self._windows = {shadow: _Window() for shadow in (False, True)}
        self._wakened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._complained = False
        self.drift: Drift | None = None
        self.classes: tuple[str, ...] = ()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        """Begins to send; needs a running loop."""
        self._tasks = [
            asyncio.get_running_loop().create_task(work)
            for work in (self._send(), self._close_windows())
        ]

    async def stop(self) -> None:
        """Sends what is left, for a short while."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_window()
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS), self._session() as session:
                while self._queue and await self._deliver(session):
                    pass
        if self._queue:
            logger.warning("%d records for evidence were not sent", len(self._queue))

    def answered(
        self,
        asked: Asked,
        prediction_id: str | None,
        seconds: float,
        rows: int,
        outputs: NDArray[np.float64] | None,
    ) -> None:
        """Takes note of an answer; `outputs` where they are too many for the prediction id."""
        window = self._windows[asked.shadow]
        window.requests += 1
        window.rows += rows
        if prediction_id is None or not self._is_sampled(asked):
            return
        kept: tuple[float, ...] = ()
        if outputs is not None and outputs.size <= MOST_NUMBERS:
            kept = tuple(outputs.ravel().tolist())
        protocol = "grpc" if asked.grpc else "http"
        self._put(
            PredictionRecord(
                prediction_id, asked.request_id, protocol, seconds, self._settings.sample, kept
            )
        )

    def _is_sampled(self, asked: Asked) -> bool:
        if self._sampled >= 2**64:
            return True
        keys = self._keys()
        # Where nobody is named, a request and its copies have their id in common.
        who = asked.entity or asked.request_id
        if keys is None or not who:
            return False
        return int.from_bytes(keys.entity_hash(who)) < self._sampled

    def _put(self, record: PredictionRecord | WindowRecord) -> None:
        if len(self._queue) >= MOST_WAITING:
            self.dropped += 1
            return
        self._queue.append(record)
        if len(self._queue) >= MOST_IN_BATCH:
            self._wakened.set()

    async def _close_windows(self) -> None:
        # The first one soon: until it comes, nobody knows the names of the classes that labels use.
        pause = min(FIRST_WINDOW_SECONDS, self._settings.window_seconds)
        while True:
            await asyncio.sleep(pause)
            if self._close_window():
                pause = self._settings.window_seconds

    def _close_window(self) -> bool:
        """Whether there was anything to tell."""
        answered = any(window.requests for window in self._windows.values())
        now = time.time_ns() // 1000
        for shadow, window in self._windows.items():
            if not window.requests:
                window.started = now
                continue
            dropped, self._dropped_before = self.dropped - self._dropped_before, self.dropped
            features, prediction = self.drift.window(shadow=shadow) if self.drift else ({}, None)
            profile = self.drift.profile if self.drift else ""
            self._put(
                WindowRecord(
                    deployment=self._settings.deployment,
                    version=self._version,
                    replica=f"{self._settings.replica}-{_PROCESS:x}",
                    started=window.started,
                    ended=now,
                    shadow=shadow,
                    requests=window.requests,
                    rows=window.rows,
                    dropped=dropped,
                    profile=profile,
                    features=features if profile else {},
                    prediction=prediction if profile else None,
                    classes=self.classes,
                )
            )
            self._windows[shadow] = _Window(now)
        return answered

    async def _send(self) -> None:
        pause = FLUSH_SECONDS
        async with self._session() as session:
            while True:
                self._wakened.clear()
                delivered = True
                while self._queue and delivered:
                    delivered = await self._deliver(session)
                if delivered:
                    pause = FLUSH_SECONDS
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wakened.wait(), pause)
                else:
                    pause = min(pause * 2, MOST_PAUSE_SECONDS)
                    # New records must not wake it before the pause is over.
                    await asyncio.sleep(pause)

    async def _deliver(self, session: aiohttp.ClientSession) -> bool:
        """Sends one batch; False when the service could not take it now."""
        batch = [self._queue.popleft() for _ in range(min(MOST_IN_BATCH, len(self._queue)))]
        body = b"\n".join(orjson.dumps(record_to_json(record)) for record in batch)
        keys = self._keys()
        headers = {"Content-Type": RECORDS_CONTENT_TYPE}
        if keys is not None:
            headers["Authorization"] = f"Bearer {keys.token(FOR_RECORDS)}"
        try:
            async with session.post(self._url, data=body, headers=headers) as answer:
                status = answer.status
        except _client_errors() as error:
            return self._put_back(batch, f"{type(error).__name__}: {error}")
        if status in _NOT_NOW or status >= 500:
            return self._put_back(batch, f"status {status}")
        if status >= 400:
            self.refused += len(batch)
            self._complain(f"{self._url} refuses records with status {status}")
            return True
        self.sent += len(batch)
        self._complained = False
        return True

    def _put_back(self, batch: list[Any], reason: str) -> bool:
        room = MOST_WAITING - len(self._queue)
        # The oldest go first when there is no room for all.
        kept = batch[len(batch) - room :] if room < len(batch) else batch
        self.dropped += len(batch) - len(kept)
        self._queue.extendleft(reversed(kept))
        self._complain(f"records for evidence wait: {self._url}: {reason}")
        return False

    def _complain(self, text: str) -> None:
        if not self._complained:
            logger.warning("%s", text)
        self._complained = True

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - without an evidence service it is never needed

        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SEND_SECONDS))


class _Window:
    def __init__(self, started: int | None = None) -> None:
        self.started = time.time_ns() // 1000 if started is None else started
        self.requests = self.rows = 0


# Tells this process from one before it in the same pod.
_PROCESS: Final = time.time_ns() // 1_000_000
# Of an evidence service that is there, and says: later. A token may be valid in a moment.
_NOT_NOW: Final = (401, 408, 425, 429)


def _client_errors() -> tuple[type[Exception], ...]:
    import aiohttp  # noqa: PLC0415 - without an evidence service it is never needed

    return (aiohttp.ClientError, OSError, TimeoutError)
