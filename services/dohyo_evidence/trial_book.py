"""The declared trials: written by the operator, known to every replica within a second."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from dohyo.contract.documents import from_json, to_json
from dohyo.contract.trials import LabelPlan, TrialPlan
from dohyo_evidence.arrivals import KnownTrial
from dohyo_evidence.tables import OUTPUTS, TRIALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dohyo_evidence.database import Database

# For how long a replica may not know of a trial that another one was told of.
_FRESH_SECONDS: Final = 1.0
# A trial whose weights follow a bandit has many epochs; the oldest are forgotten.
_MOST_EPOCHS: Final = 5_000


class PlanConflictError(Exception):
    """A plan would change what its trial has fixed; says what."""


class TrialBook:
    """What is declared, as the database has it.

    Attributes:
        trials: by (namespace, deployment).
        classes: names of outputs by (namespace, deployment, version).
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.trials: dict[tuple[str, str], list[KnownTrial]] = {}
        self.classes: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self._database = database
        self._clock = clock
        self._read_at = float("-inf")
        self._parsed: dict[int, tuple[str, KnownTrial]] = {}

    async def refresh(self, *, now: bool = False) -> None:
        """Reads what is declared, unless that was done a moment ago."""
        if not now and self._clock() - self._read_at < _FRESH_SECONDS:
            return
        started = self._clock()
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(TRIALS.c.id, TRIALS.c.plan))).all()
            outputs = (await connection.execute(select(OUTPUTS))).all()
        trials: dict[tuple[str, str], list[KnownTrial]] = {}
        for row in rows:
            text, known = self._parsed.get(row.id, ("", None))
            if known is None or text != row.plan:
                known = KnownTrial(row.id, from_json(TrialPlan, json.loads(row.plan)))
                self._parsed[row.id] = (row.plan, known)
            key = (known.plan.namespace, known.plan.deployment)
            trials.setdefault(key, []).append(known)
        self.trials = trials
        self.classes = {
            (o.namespace, o.deployment, o.version): tuple(json.loads(o.classes)) for o in outputs
        }
        self._read_at = started

    async def declare(self, plan: TrialPlan, at: float) -> None:
        """Notes a plan; a known trial only gains epochs, a later watermark and an end.

        Raises:
            PlanConflictError: the trial is known with other nulls.
        """
        key = (TRIALS.c.namespace, TRIALS.c.deployment, TRIALS.c.trial)
        names = (plan.namespace, plan.deployment, plan.trial)
        here = [column == name for column, name in zip(key, names, strict=True)]
        async with self._database.writing() as connection:
            lock = select(TRIALS.c.id, TRIALS.c.plan).where(*here).with_for_update()
            row = (await connection.execute(lock)).first()
            if row is None:
                new = dict(zip(("namespace", "deployment", "trial"), names, strict=True))
                state = json.dumps({"since": at})
                values = {**new, "plan": _text(plan), "state": state, "updated": at, "sample": 1.0}
                await self._database.insert_new(connection, TRIALS, values, key)
            else:
                merged = merged_plan(from_json(TrialPlan, json.loads(row.plan)), plan)
                change = update(TRIALS).where(TRIALS.c.id == row.id)
                await connection.execute(change.values(plan=_text(merged), updated=at))
        await self.refresh(now=True)


def merged_plan(known: TrialPlan, new: TrialPlan) -> TrialPlan:
    """The known plan with what a later one may add.

    Raises:
        PlanConflictError: anything else differs.
    """
    epochs = {epoch.epoch: epoch for epoch in (*known.epochs, *new.epochs)}
    recent = tuple(epochs[number] for number in sorted(epochs)[-_MOST_EPOCHS:])
    merged = replace(
        known,
        epochs=recent,
        ended=known.ended if known.ended is not None else new.ended,
        labels=replace(known.labels, max_delay_seconds=new.labels.max_delay_seconds),
    )
    for name, fixed, other in (
        (field, getattr(_fixed(known), field), getattr(_fixed(new), field))
        for field in TrialPlan.__dataclass_fields__
    ):
        if fixed != other:
            raise PlanConflictError(
                f"{name}: trial {known.trial} was declared with {_short(fixed)}, now with "
                f"{_short(other)}; other nulls are another trial, give it another name"
            )
    return merged


def _fixed(plan: TrialPlan) -> TrialPlan:
    labels = replace(plan.labels, max_delay_seconds=LabelPlan().max_delay_seconds)
    return replace(plan, epochs=(), ended=None, labels=labels)


def _text(plan: TrialPlan) -> str:
    return json.dumps(to_json(plan), sort_keys=True)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
