"""Bad answers that Envoy wrote down → the evidence service, in batches by namespace.

What cannot be sent is kept within a bound and sent again; an event is known by its request, so
that a repeat counts once. Beyond the bound the oldest are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson

from dohyo.contract.arrivals import EVENTS_PATH, BadEvent, EventBatch
from dohyo.contract.documents import to_json
from dohyo.contract.keys import FOR_RECORDS
from dohyo_gateway.witness_log import WITNESS_FILE, BadAnswer, read_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from dohyo.contract.keys import KeyRing, Keys
    from dohyo_gateway.telemetry import Telemetry

_LOG: Final = logging.getLogger(__name__)

_PERIOD_SECONDS: Final = 1.0
_MOST_KEPT: Final = 20_000
_MOST_IN_A_BATCH: Final = 500
_ROTATE_BYTES: Final = 8 << 20
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class LogReader:
    """Reads what was added to the file since the last look; begins a new file when it is long.

    Args:
        folder: that Envoy writes to.
        reopen: makes Envoy write to a new file.
    """

    def __init__(self, folder: Path, reopen: Callable[[], Awaitable[None]]) -> None:
        self._path = folder / WITNESS_FILE
        self._old = self._path.with_suffix(".old")
        self._reopen = reopen
        self._at = 0

    async def lines(self) -> list[bytes]:
        """Whole lines that are new."""
        found = self._read()
        if self._at > _ROTATE_BYTES:
            self._path.replace(self._old)
            await self._reopen()
            # Until then Envoy wrote to the file that has another name now.
            found += self._old.read_bytes()[self._at :].splitlines()
            self._old.unlink()
            self._at = 0
        return found

    def _read(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._at += len(whole)
        return whole.splitlines()


class Witness:
    """Tells the evidence service of bad answers.

    Args:
        url: of the evidence service.
        keys: the installation's master keys.
        reader: of Envoy's file.
        source: names this gateway pod, and the run of its agent.
        telemetry: counts what is sent and dropped.
    """

    def __init__(
        self,
        url: str,
        keys: KeyRing,
        reader: LogReader,
        source: tuple[str, str],
        telemetry: Telemetry,
    ) -> None:
        self._url = url + EVENTS_PATH
        self._keys = keys
        self._reader = reader
        self._pod, self._run = source
        self._telemetry = telemetry
        self._kept: deque[BadAnswer] = deque()
        self._dropped = 0
        self._complained = False

    async def run(self) -> None:
        """Works until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                try:
                    await self.look(session)
                    self._complained = False
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    if not self._complained:
                        _LOG.warning(
                            "bad answers wait, %d of them: %s", len(self._kept), error or "time-out"
                        )
                    self._complained = True
                await asyncio.sleep(_PERIOD_SECONDS)

    async def look(self, session: aiohttp.ClientSession) -> None:
        """Reads what is new and sends all that is kept.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: some of it is kept for the next time.
        """
        for line in await self._reader.lines():
            answer = read_line(line)
            if answer is not None:
                self._keep(answer)
        while self._kept:
            batch = [self._kept[n] for n in range(min(len(self._kept), _MOST_IN_A_BATCH))]
            for namespace, events in self._by_namespace(batch):
                await self._send(session, namespace, events)
            for _ in batch:
                self._kept.popleft()

    def _keep(self, answer: BadAnswer) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.popleft()
            self._dropped += 1
            self._telemetry.dropped_events.inc()
        self._kept.append(answer)

    def _by_namespace(self, answers: list[BadAnswer]) -> Iterator[tuple[str, tuple[BadEvent, ...]]]:
        keys = self._keys.keys()
        for namespace in sorted({answer.namespace for answer in answers}):
            own = keys.for_namespace(namespace)
            yield (
                namespace,
                tuple(_event(answer, own) for answer in answers if answer.namespace == namespace),
            )

    async def _send(
        self, session: aiohttp.ClientSession, namespace: str, events: tuple[BadEvent, ...]
    ) -> None:
        batch = EventBatch(self._pod, self._run, events, (), self._dropped)
        token = self._keys.keys().for_namespace(namespace).token(FOR_RECORDS)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = orjson.dumps(to_json(batch))
        async with session.post(self._url, data=body, headers=headers) as answer:
            if answer.status >= 500 or answer.status in (401, 429):
                raise aiohttp.ClientError(f"the evidence service answers {answer.status}")
            if answer.status >= 400:
                # The same batch would be refused again, so it is not kept.
                _LOG.error("%d bad answers were refused: %d", len(events), answer.status)
                self._telemetry.dropped_events.inc(len(events))
            else:
                self._telemetry.sent_events.inc(len(events))


def _event(answer: BadAnswer, keys: Keys) -> BadEvent:
    entity = keys.entity_hash(answer.entity).hex() if answer.entity else ""
    return BadEvent(
        namespace=answer.namespace,
        deployment=answer.deployment,
        assignment=answer.assignment,
        request_id=answer.request_id,
        at=answer.at,
        code=answer.code,
        seconds=answer.seconds,
        failed=answer.failed,
        entity=entity,
    )
