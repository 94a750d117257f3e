"""What the service does with a request's content, and what it does of itself; no HTTP here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from dohyo.contract.arrivals import EventBatch, Intake, Refusal
from dohyo.contract.documents import from_json
from dohyo.contract.evidence import STATE_ERROR, EvidenceReport
from dohyo.contract.keys import FOR_TRIALS, KeyRing
from dohyo.contract.records import PredictionRecord, WindowRecord, record_from_json
from dohyo.contract.trials import TrialPlan
from dohyo_evidence.arrivals import (
    MALFORMED,
    Context,
    read_events,
    read_feedback,
    read_records,
    read_served,
)
from dohyo_evidence.batch_labels import batch_evidence, batch_labels
from dohyo_evidence.catching_up import CatchUp
from dohyo_evidence.reports import evidence_report
from dohyo_evidence.retention import purge
from dohyo_evidence.settlement import Pace, settle
from dohyo_evidence.store import store, store_windows
from dohyo_evidence.tables import TRIALS
from dohyo_evidence.telemetry import Telemetry
from dohyo_evidence.trial_book import TrialBook
from dohyo_evidence.trial_state import TrialState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dohyo.contract.batch_evidence import BatchEvidence
    from dohyo_evidence.database import Database
    from dohyo_evidence.settings import Settings

_LOG: Final = logging.getLogger("dohyo_evidence")
_PURGE_SECONDS: Final = 3_600.0
_WATCH_SECONDS: Final = 1.0
# Settled in a row in one trial, before the others have their turn and the report its numbers.
_MOST_BATCHES: Final = 10
# What a database that is away raises, by way of the drivers.
DATABASE_ERRORS: Final = (SQLAlchemyError, OSError, TimeoutError)


class PlanError(ValueError):
    """A plan that this service cannot serve."""


@dataclass
class _Beats:
    settled: float
    purged: float


class Service:
    """All that the service knows and does.

    Attributes:
        telemetry: its metrics.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], float],
        keys: KeyRing | None,
    ) -> None:
        self.telemetry = Telemetry()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._keys = keys
        self._book = TrialBook(database, clock)
        self._beats = _Beats(clock(), clock())
        # Why nothing is settled at present; empty while all is.
        self._trouble = ""
        self._catch_up = CatchUp(clock, settings.catch_up_seconds)

    async def feedback(self, rows: Sequence[Any], namespace: str | None) -> Intake:
        """Stores labels and rewards; each row is taken or refused by itself."""
        context = await self._context()
        found, refused, taken = read_feedback(rows, context, namespace)
        if taken:
            await store(self._database, found)
        return self._intake("feedback", taken, refused)

    async def records(self, lines: Sequence[bytes], namespace: str) -> Intake:
        """Stores what pods tell of predictions and windows."""
        refused: list[Refusal] = []
        predictions: list[tuple[int, PredictionRecord]] = []
        windows: list[WindowRecord] = []
        for index, line in enumerate(lines):
            try:
                record = record_from_json(json.loads(line))
            except (ValueError, RecursionError) as error:
                refused.append(Refusal(index, MALFORMED, f"rows[{index}]: {error}"[:200]))
                continue
            if isinstance(record, PredictionRecord):
                predictions.append((index, record))
            else:
                windows.append(record)
        context = await self._context()
        found, more, taken = read_records([r for _, r in predictions], context, namespace)
        refused += [Refusal(predictions[r.index][0], r.reason, r.message) for r in more]
        if taken:
            await store(self._database, found)
        if windows:
            await store_windows(self._database, namespace, windows)
            self.telemetry.dropped.inc(sum(max(0, w.dropped) for w in windows))
        return self._intake("record", taken + len(windows), refused)

    async def events(self, batch: EventBatch, namespace: str) -> Intake:
        """Stores bad events and denominators that a gateway pod has of one namespace."""
        context = await self._context()
        found, refused, taken = read_events(batch.events, context, namespace)
        served = [each for each in batch.served if each.namespace == namespace]
        found.served = read_served(served, batch.source, batch.incarnation, context).served
        if taken or found.served:
            await store(self._database, found)
        return self._intake("event", taken, refused)

    async def declare(self, document: Any) -> None:
        """Notes a trial's plan.

        Raises:
            PlanError: it cannot be served with these settings.
            DocumentError: it is no plan.
            PlanConflictError: its trial is known with other nulls.
        """
        plan = from_json(TrialPlan, document)
        longest = self._settings.retention_seconds - plan.window_seconds
        if plan.labels.max_delay_seconds > longest:
            raise PlanError(
                f"labels.maxDelaySeconds: {plan.labels.max_delay_seconds:g} is longer than rows "
                f"are kept; choose at most {longest:g}, or raise the retention"
            )
        await self._book.declare(plan, self._clock())

    async def report(self, namespace: str, deployment: str) -> EvidenceReport | None:
        """What is known of a ModelDeployment; None before its first trial."""
        where = (TRIALS.c.namespace == namespace, TRIALS.c.deployment == deployment)
        query = select(TRIALS.c.plan, TRIALS.c.state).where(*where).order_by(TRIALS.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        states = [
            TrialState(from_json(TrialPlan, json.loads(r.plan)), json.loads(r.state)) for r in rows
        ]
        if not states:
            return None
        if self._trouble:
            # What is known is of some time ago, and nobody can say what has come since.
            words = f"nothing is settled: {self._trouble}"
            return EvidenceReport(namespace, deployment, self._clock(), STATE_ERROR, words)
        return await asyncio.to_thread(
            evidence_report, namespace, deployment, self._clock(), states
        )

    async def batch_report(self, namespace: str, deployment: str, run: str) -> BatchEvidence | None:
        """What later labels say of a run over a data set; None before the first."""
        async with self._database.reading() as connection:
            rows = await batch_labels(connection, namespace, deployment, run)
        if not rows:
            return None
        return await asyncio.to_thread(batch_evidence, namespace, deployment, run, rows)

    def namespace_of(self, token: str, purpose: str) -> str | None:
        """Whose bearer token it is; None when it is nobody's."""
        return self._keys.keys().namespace_of_token(token, purpose) if self._keys else None

    def is_operators(self, token: str) -> bool:
        """Whether a bearer token is the installation's own, as the operator has it."""
        keys = self._keys.keys() if self._keys else None
        return keys is not None and keys.is_installation_token(token, FOR_TRIALS)

    async def check_database(self) -> None:
        """Raises one of DATABASE_ERRORS while the database does not answer."""
        try:
            async with self._database.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except DATABASE_ERRORS:
            self.telemetry.database_up.set(0)
            raise
        self.telemetry.database_up.set(1)

    @property
    def is_alive(self) -> bool:
        """Whether settling goes on; a database that is away is no reason to start anew."""
        return self._clock() - self._beats.settled < 60 + 20 * self._settings.score_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Settles and purges until it is told to stop."""
        async with asyncio.TaskGroup() as both:
            watch = both.create_task(self._watch())
            await self._work(stop)
            watch.cancel()

    async def _watch(self) -> None:
        """Notes every second that batches can be taken, for as long as that is so."""
        while True:
            with contextlib.suppress(*DATABASE_ERRORS):
                await self.check_database()
                if self._catch_up.is_well():
                    seconds = self._settings.catch_up_seconds
                    _LOG.warning(
                        "was away; nothing is settled for %g s, until all is sent", seconds
                    )
            await asyncio.sleep(_WATCH_SECONDS)

    async def _work(self, stop: asyncio.Event) -> None:
        away = False
        while not stop.is_set():
            try:
                await self.settle_all()
                await self._purge()
            except DATABASE_ERRORS as error:
                self.telemetry.database_up.set(0)
                words = " ".join(str(error).split())[:300]
                self._trouble = words
                self._catch_up.was_away()
                if not away:
                    _LOG.warning("the database does not answer: %s", words)
                away = True
            else:
                if away:
                    _LOG.info("the database answers again")
                self._trouble = ""
                away = False
            self._beats.settled = self._clock()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.score_seconds)

    async def settle_all(self) -> None:
        """Settles what has had its time, trial by trial, and shows what is known."""
        await self._book.refresh()
        self.telemetry.database_up.set(1)
        # It answers; how much has come meanwhile must not keep the report from being one.
        self._trouble = ""
        pace = Pace(self._settings.grace_seconds, self._settings.drift_seconds)
        for trials in list(self._book.trials.values()):
            for trial in trials:
                await self._settle(trial.number, pace)
        self.telemetry.forget_gates()
        for namespace, deployment in list(self._book.trials):
            report = await self.report(namespace, deployment)
            if report is not None:
                self.telemetry.show(report)

    async def _settle(self, number: int, pace: Pace) -> None:
        try:
            for _ in range(_MOST_BATCHES):
                if not self._catch_up.is_done:
                    break
                if not await settle(self._database, number, self._clock(), pace):
                    break
        except DATABASE_ERRORS:
            raise
        except Exception:
            # One trial that cannot be settled must not hold up the others.
            self.telemetry.settle_errors.inc()
            _LOG.exception("trial %d cannot be settled", number)

    async def _purge(self) -> None:
        now = self._clock()
        if now - self._beats.purged >= _PURGE_SECONDS:
            self._beats.purged = now
            gone = await purge(self._database, now - self._settings.retention_seconds)
            _LOG.info("purged %s", gone)

    async def _context(self) -> Context:
        await self._book.refresh()
        keys = self._keys.keys() if self._keys else None
        return Context(
            self._book.trials,
            keys.signing_key if keys else lambda _key_id, _namespace: None,
            self._book.classes,
            self._clock(),
            self._settings.retention_seconds,
        )

    def _intake(self, kind: str, taken: int, refused: Sequence[Refusal]) -> Intake:
        self.telemetry.accepted.labels(kind).inc(taken)
        for refusal in refused:
            self.telemetry.refused.labels(kind, refusal.reason).inc()
        return Intake(taken, tuple(sorted(refused, key=lambda r: r.index)))
