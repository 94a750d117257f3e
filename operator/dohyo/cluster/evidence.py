"""Everybody who knows something of a trial is asked, every few seconds, and remembered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import aiohttp

from dohyo.cluster.operator_tokens import OperatorTokens
from dohyo.cluster.witnesses import (
    Bench,
    UnheardError,
    declare,
    durations,
    latencies,
    measured,
    report,
)
from dohyo.verdict.evidence import UNASKED, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dohyo.contract.evidence import EvidenceReport
    from dohyo.contract.trials import TrialPlan
    from dohyo.verdict.inquiry import Inquiry

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 5.0
_AT_ONCE: Final = 16
# How old a report may be before not getting another one is an error. E-values never fall below
# their peaks, so that a report of a moment ago still holds.
_PATIENCE_SECONDS: Final = 30.0
# A trial that nothing was heard of for as long as rows are kept is forgotten by the service.
_DECLARE_AGAIN_SECONDS: Final = 3_600.0


@dataclass(frozen=True)
class Sources:
    """Where to ask.

    Attributes:
        evidence: URL of the evidence service; empty when there is none.
        prometheus: URL of a Prometheus server; empty when there is none.
        period_seconds: between two rounds.
        keys: folder of the installation's master keys, by which the evidence service knows the
            operator; None when there is none.
    """

    evidence: str = ""
    prometheus: str = ""
    period_seconds: float = 5.0
    keys: Path | None = None


@dataclass
class _File:
    """What is known about one ModelDeployment."""

    inquiry: Inquiry
    evidence: Evidence = UNASKED
    declared: dict[str, TrialPlan] = field(default_factory=dict)
    declared_at: dict[str, float] = field(default_factory=dict)
    report: EvidenceReport | None = None
    heard_at: float | None = None


class Inquirer:
    """Asks about every ModelDeployment with somebody on trial.

    Args:
        sources: where.
        agents: addresses of the gateway agents that take traffic.
        now: seconds since 1970.
    """

    def __init__(
        self, sources: Sources, agents: Callable[[], Iterable[str]], now: Callable[[], float]
    ) -> None:
        self._sources = sources
        self._agents = agents
        self._now = now
        self._files: dict[str, _File] = {}
        self._wake = asyncio.Event()
        self._tokens = OperatorTokens(sources.keys)

    def known(self, key: str) -> Evidence:
        """What is known of the ModelDeployment ``namespace/name``."""
        found = self._files.get(key)
        return found.evidence if found is not None else UNASKED

    def inquire(self, key: str, about: Inquiry | None) -> None:
        """Says what is to be known from now on; None when nothing is."""
        present = self._files.get(key)
        if about is None:
            if present is not None and present.declared:
                about = replace(present.inquiry, plans=(), queries=(), latencies=False)
            else:
                self._files.pop(key, None)
                return
        if present is None:
            self._files[key] = _File(about)
        elif present.inquiry == about:
            return
        else:
            present.inquiry = about
        self._wake.set()

    def forget(self, key: str) -> None:
        """Drops a ModelDeployment that is gone."""
        self._files.pop(key, None)

    async def run(self, on_look: Callable[[], None]) -> None:
        """Asks for ever.

        Args:
            on_look: called after every round.
        """
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self._wake.clear()
                await self.look(session)
                on_look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._sources.period_seconds)

    async def look(self, session: aiohttp.ClientSession) -> None:
        """One round."""
        texts: list[str] = []
        if any(f.inquiry.latencies for f in self._files.values()):
            agents = list(self._agents())
            texts = list(await asyncio.gather(*(durations(session, a) for a in agents)))
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str, file: _File) -> None:
            async with room:
                await self._ask(session, key, file, texts)

        await asyncio.gather(*(one(k, f) for k, f in list(self._files.items())))
        for key in [k for k, f in self._files.items() if _is_done(f)]:
            del self._files[key]

    async def _ask(
        self, session: aiohttp.ClientSession, key: str, file: _File, texts: list[str]
    ) -> None:
        about = file.inquiry
        found = await asyncio.gather(
            *(measured(session, self._sources.prometheus, q) for q in about.queries)
        )
        problem = await self._hear(session, file) if about.plans or file.declared else ""
        if problem and problem != file.evidence.problem:
            log.warning("%s", problem, extra={"key": key})
        fresh = None if problem else file.report
        evidence = Evidence(
            asked=True,
            report=fresh,
            problem=problem,
            measured={(q.challenger, q.gate): m for q, m in zip(about.queries, found, strict=True)},
            latencies=latencies(texts, about.namespace, about.deployment)
            if about.latencies
            else {},
        )
        if _differs(evidence, file.evidence):
            file.evidence = evidence

    async def _hear(self, session: aiohttp.ClientSession, file: _File) -> str:
        """Tells and asks the evidence service; why there is no fresh report, or nothing."""
        url = self._sources.evidence
        if not url:
            return "no evidence service is configured; set the operator's evidence URL"
        try:
            bench = Bench(session, url, self._tokens())
            await self._declare(bench, file)
            heard = await report(bench, file.inquiry)
        except UnheardError as error:
            recent = file.heard_at is not None and (
                self._now() - file.heard_at <= _PATIENCE_SECONDS
            )
            return "" if recent else str(error)
        file.report, file.heard_at = heard, self._now()
        for trial in [t for t in file.declared if heard.trial(t) is None]:
            del file.declared[trial]  # it has forgotten what it was told: another database
        return ""

    async def _declare(self, bench: Bench, file: _File) -> None:
        """Every plan that is new or has grown, and the end of those that are over."""
        open_plans = {plan.trial: plan for plan in file.inquiry.plans}
        for trial, plan in list(file.declared.items()):
            if trial not in open_plans:
                await self._end(bench, plan)
                del file.declared[trial]
                file.declared_at.pop(trial, None)
        for trial, plan in open_plans.items():
            age = self._now() - file.declared_at.get(trial, 0.0)
            if file.declared.get(trial) != plan or age > _DECLARE_AGAIN_SECONDS:
                await declare(bench, plan)
                file.declared[trial] = plan
                file.declared_at[trial] = self._now()

    async def _end(self, bench: Bench, plan: TrialPlan) -> None:
        """Says that a trial is over. A service that does not take that may keep it open."""
        try:
            await declare(bench, replace(plan, ended=self._now()))
        except UnheardError as error:
            if not error.refused:
                raise
            log.warning("%s", error)


def _is_done(file: _File) -> bool:
    about = file.inquiry
    return not (about.plans or about.queries or about.latencies or file.declared)


def _differs(after: Evidence, before: Evidence) -> bool:
    """Whether anything but the time of the report is new."""
    return _timeless(after) != _timeless(before)


def _timeless(evidence: Evidence) -> Evidence:
    if evidence.report is None:
        return evidence
    return replace(evidence, report=replace(evidence.report, at=0.0))
