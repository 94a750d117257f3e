"""What later labels say of batch runs: the evidence service is asked now and then.

Labels come for weeks, so that a run is asked about less and less often while nothing is new.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp

from dohyo.cluster.operator_tokens import OperatorTokens
from dohyo.cluster.witnesses import Bench, UnheardError, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dohyo.cluster.evidence import Sources
    from dohyo.cluster.store import Key
    from dohyo.contract.batch_evidence import BatchEvidence

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 10.0
_AT_ONCE: Final = 4
# Of the rounds in which trials are asked about, after news and at most.
_LEAST_ROUNDS, _MOST_ROUNDS = 6, 180


@dataclass
class _Asked:
    """One run: what was said last, and when to ask again."""

    said: BatchEvidence | None = None
    due: float = 0.0
    rounds: int = _LEAST_ROUNDS


@dataclass
class _File:
    """The runs of one BatchPrediction."""

    deployment: str
    runs: dict[str, _Asked] = field(default_factory=dict)


class BatchLabels:
    """Asks about the runs that it is told of.

    Args:
        sources: where; without an evidence service nobody is asked.
        now: seconds since 1970.
    """

    def __init__(self, sources: Sources, now: Callable[[], float]) -> None:
        self._sources = sources
        self._now = now
        self._tokens = OperatorTokens(sources.keys)
        self._files: dict[Key, _File] = {}
        self._problem = ""

    def known(self, key: Key) -> Mapping[str, BatchEvidence]:
        """What is known of a BatchPrediction's runs, by name."""
        file = self._files.get(key)
        runs = file.runs if file is not None else {}
        return {name: asked.said for name, asked in runs.items() if asked.said is not None}

    def inquire(self, key: Key, deployment: str, runs: Iterable[str]) -> None:
        """Says which runs are to be known about from now on."""
        before = self._files.get(key)
        same = before is not None and before.deployment == deployment
        present = before.runs if before is not None and same else {}
        found = {run: present.get(run) or _Asked() for run in runs}
        if found:
            self._files[key] = _File(deployment, found)
        else:
            self.forget(key)

    def forget(self, key: Key) -> None:
        self._files.pop(key, None)

    async def run(self, on_news: Callable[[Key], None]) -> None:
        """Asks for ever.

        Args:
            on_news: called for each BatchPrediction of which more is known.
        """
        if not self._sources.evidence:
            return
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                for key in await self.look(session):
                    on_news(key)
                await asyncio.sleep(self._sources.period_seconds)

    async def look(self, session: aiohttp.ClientSession) -> list[Key]:
        """One round: asks about every run that is due; of whom something is new."""
        bench, room = self._bench(session), asyncio.Semaphore(_AT_ONCE)
        if bench is None:
            return []

        async def one(key: Key, deployment: str, run: str, asked: _Asked) -> Key | None:
            async with room:
                return key if await self._ask(bench, key, (deployment, run), asked) else None

        due = [
            one(key, file.deployment, run, asked)
            for key, file in self._files.items()
            for run, asked in file.runs.items()
            if asked.due <= self._now()
        ]
        return list(dict.fromkeys(key for key in await asyncio.gather(*due) if key is not None))

    def _bench(self, session: aiohttp.ClientSession) -> Bench | None:
        try:
            return Bench(session, self._sources.evidence, self._tokens())
        except UnheardError as error:
            self._complain(str(error))
            return None

    async def _ask(self, bench: Bench, key: Key, which: tuple[str, str], asked: _Asked) -> bool:
        """Whether something is new."""
        deployment, run = which
        try:
            said = await labels_of(bench, key.namespace, deployment, run)
        except UnheardError as error:
            self._complain(str(error))
            said = asked.said
        new = said != asked.said
        asked.said = said
        asked.rounds = _LEAST_ROUNDS if new else min(_MOST_ROUNDS, 2 * asked.rounds)
        asked.due = self._now() + asked.rounds * self._sources.period_seconds
        return new

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem
