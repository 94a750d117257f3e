"""What has settled by now → the gates, each unit once, in a transaction of its own.

Of several replicas the one that holds the trial's row settles; a crash leaves all as it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, select, update

from dohyo.contract.documents import from_json
from dohyo.contract.records import WindowRecord, record_from_json
from dohyo.contract.trials import UNIT_REQUEST, TrialPlan
from dohyo_evidence.assembly import (
    Settled,
    agreement_pairs,
    mismatches,
    order_of,
    rate_units,
    score_units,
)
from dohyo_evidence.drift_looks import look
from dohyo_evidence.losses import costs_by_place
from dohyo_evidence.tables import (
    EVENTS,
    EXPOSURES,
    LABELS,
    OUTPUTS,
    PREDICTIONS,
    TRACK_LABELS,
    TRACK_RATES,
    TRIALS,
    WINDOWS,
)
from dohyo_evidence.trial_state import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from dohyo_evidence.database import Database

# Units of one transaction: what is held in memory, and for how long the row is locked.
MOST_UNITS: Final = 2_000
_MOST_NAMES: Final = 500


@dataclass(frozen=True)
class Pace:
    """How long things are waited for.

    Attributes:
        grace_seconds: after its end, for records of a window that are under way.
        drift_seconds: length of the windows that drift is looked for in.
    """

    grace_seconds: float
    drift_seconds: float


async def settle(database: Database, number: int, now: float, pace: Pace) -> bool:
    """Settles what has had its time in one trial.

    Returns:
        Whether there was so much that there may be more.
    """
    async with database.writing() as connection:
        lock = select(TRIALS).where(TRIALS.c.id == number).with_for_update(skip_locked=True)
        row = (await connection.execute(lock)).first()
        if row is None:
            return False
        plan = from_json(TrialPlan, json.loads(row.plan))
        state = TrialState(plan, json.loads(row.state))
        work = _Work(connection, number, state)
        rates = await work.rates(now - plan.window_seconds - pace.grace_seconds, row.sample)
        scores = await work.scores(now - plan.window_seconds - plan.labels.max_delay_seconds)
        looked = await work.drift(now - pace.grace_seconds, pace.drift_seconds)
        if rates or scores or looked:
            text = json.dumps(state.to_state())
            change = update(TRIALS).where(TRIALS.c.id == number)
            await connection.execute(change.values(state=text))
    return max(rates, scores) >= MOST_UNITS


class _Work:
    """The settling of one trial, within one transaction."""

    def __init__(self, connection: AsyncConnection, number: int, state: TrialState) -> None:
        self._connection = connection
        self._number = number
        self._state = state
        self._plan = state.plan

    async def rates(self, until: float, sample: float) -> int:
        """First windows that have closed: bad events, the split, and agreement."""
        exposures = await self._waiting(TRACK_RATES, until)
        if not exposures:
            return 0
        # Of a unit that pods do not record nobody knows when it was first assigned.
        known = [e for e in exposures if sample >= 1.0 or not e.by_event]
        units = [e.unit for e in known]
        events = await self._of(EVENTS, "unit", units)
        self._state.mismatches += mismatches(self._plan, known)
        recorded = any(not e.by_event for e in known)
        self._state.fold_rates(rate_units(self._plan, known, events), recorded=recorded)
        if self._state.agreements:
            by_request = self._plan.unit == UNIT_REQUEST
            predictions = await self._of(PREDICTIONS, "request" if by_request else "unit", units)
            predictions = await self._with_copies(predictions)
            ours, theirs = await self._names()
            settled = Settled(self._plan, known, predictions, order=order_of(ours, theirs))
            self._state.fold_pairs(agreement_pairs(settled, by_request=by_request))
        await self._mark(TRACK_RATES, [e.unit for e in exposures])
        return len(exposures)

    async def scores(self, until: float) -> int:
        """First windows whose labels have had their time."""
        exposures = await self._waiting(TRACK_LABELS, until)
        if not exposures:
            return 0
        units = [e.unit for e in exposures]
        labels = await self._of(LABELS, "unit", units)
        predictions = await self._with_copies(await self._of(PREDICTIONS, "unit", units))
        worst = {gate.plan.name: gate.worst() for gate in self._state.scores}
        ours, theirs = await self._names()
        plan = _with_places(self._plan, ours)
        settled = Settled(plan, exposures, predictions, labels, order_of(ours, theirs))
        scored, pairs = score_units(settled, worst)
        self._state.fold_scores(scored)
        self._state.fold_pairs(pairs)
        for challenger in (False, True):
            delays = [max(0.0, x.received - x.at) for x in labels if x.challenger == challenger]
            self._state.note_delays(delays, challenger=challenger)
        self._state.scored_until = exposures[-1].at
        await self._mark(TRACK_LABELS, units)
        return len(exposures)

    async def drift(self, until: float, seconds: float) -> bool:
        """The next closed window of the challenger's inputs, if there is one."""
        gates = [g for g in self._plan.gates if g.metric == "drift"]
        looked = False
        for gate in gates:
            before = self._state.drift.get(gate.name)
            number = int(before["window"]) + 1 if before else 1
            end = self._plan.started + number * seconds
            if end > until or (self._plan.ended is not None and end > self._plan.ended):
                continue
            records = await self._windows(end - seconds, end)
            self._state.drift[gate.name] = {
                **look(gate, before, number, records),
                "window": number,
            }
            looked = True
        return looked

    async def _waiting(self, track: int, until: float) -> Sequence[Row[Any]]:
        x = EXPOSURES.c
        due = and_(x.trial == self._number, x.track == track, x.settled.is_(False), x.at <= until)
        query = select(EXPOSURES).where(due).order_by(x.at, x.unit).limit(MOST_UNITS)
        return (await self._connection.execute(query)).all()

    async def _of(self, table: Table, column: str, names: Sequence[str]) -> list[Row[Any]]:
        """All rows of the table whose column holds one of the names."""
        found: list[Row[Any]] = []
        for first in range(0, len(names), _MOST_NAMES):
            wanted = table.c[column].in_(names[first : first + _MOST_NAMES])
            query = select(table).where(table.c.trial == self._number, wanted)
            found += (await self._connection.execute(query)).all()
        return found

    async def _names(self) -> tuple[list[str], list[str]]:
        """Of the classes of champion and challenger; empty while they are not known."""
        o, plan = OUTPUTS.c, self._plan
        both = o.version.in_((plan.champion, plan.challenger))
        theirs = and_(o.namespace == plan.namespace, o.deployment == plan.deployment, both)
        rows = (await self._connection.execute(select(OUTPUTS).where(theirs))).all()
        names = {row.version: json.loads(row.classes) for row in rows}
        return names.get(plan.champion, []), names.get(plan.challenger, [])

    async def _with_copies(self, predictions: list[Row[Any]]) -> list[Row[Any]]:
        """The predictions, and the shadow copies of the same requests."""
        requests = sorted({p.request for p in predictions if p.request and not p.shadow})
        known = {p.nonce for p in predictions}
        copies = await self._of(PREDICTIONS, "request", requests)
        return predictions + [c for c in copies if c.shadow and c.nonce not in known]

    async def _mark(self, track: int, units: Sequence[str]) -> None:
        x = EXPOSURES.c
        for first in range(0, len(units), _MOST_NAMES):
            those = x.unit.in_(units[first : first + _MOST_NAMES])
            mine: ColumnElement[bool] = and_(x.trial == self._number, x.track == track, those)
            await self._connection.execute(update(EXPOSURES).where(mine).values(settled=True))

    async def _windows(self, start: float, end: float) -> list[WindowRecord]:
        w, plan = WINDOWS.c, self._plan
        theirs = and_(
            w.namespace == plan.namespace,
            w.deployment == plan.deployment,
            w.version == plan.challenger,
            w.ended >= int(start * 1e6),
            w.ended < int(end * 1e6),
        )
        rows = (await self._connection.execute(select(w.document).where(theirs))).all()
        records = [record_from_json(json.loads(row.document)) for row in rows]
        return [r for r in records if isinstance(r, WindowRecord)]


def _with_places(plan: TrialPlan, names: Sequence[str]) -> TrialPlan:
    """The plan with costs by the places of the champion's classes."""
    gates = (replace(gate, costs=costs_by_place(gate.costs, names)) for gate in plan.gates)
    return replace(plan, gates=tuple(gates))
