"""Where the ring stands while a verdict is formed: the status, opened up, and small moves on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dohyo.api.conditions import parsed_time, rfc3339
from dohyo.api.status import (
    MAX_HISTORY,
    MAX_REJECTIONS,
    HistoryEntry,
    Order,
    Promotion,
    Rejection,
    RolloutStatus,
    WarmVersion,
)
from dohyo.contract import routing_from_status
from dohyo.verdict.record import evidence_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.api.resource import ModelDeployment
    from dohyo.api.status import PausedBy


@dataclass(frozen=True)
class Ring:
    """All that a verdict may change, each move a new ring.

    Attributes:
        md: the resource as it was read.
        now: the present.
        warm_seconds: how long the loser of a bout is kept running.
        champion: who serves, or is to serve if nobody does yet.
        rollouts: by challenger.
        promotion, rejections, history, warm, paused_by_hand_at, orders, trials, ended: as in the
            status.
        salt: of the line of buckets; None before there is one.
    """

    md: ModelDeployment
    now: datetime
    warm_seconds: float
    promotion: Promotion | None
    rejections: tuple[Rejection, ...]
    history: tuple[HistoryEntry, ...]
    warm: WarmVersion | None
    paused_by_hand_at: str | None
    orders: tuple[Order, ...]
    trials: int
    ended: Mapping[str, int]
    salt: str | None
    rollouts: Mapping[str, RolloutStatus] = field(default_factory=dict)

    @classmethod
    def of(cls, md: ModelDeployment, now: datetime, warm_seconds: float) -> Ring:
        """The ring as the status left it."""
        status = md.status
        return cls(
            md=md,
            now=now,
            warm_seconds=warm_seconds,
            promotion=status.promotion,
            rejections=status.rejections,
            history=status.history,
            warm=status.warm,
            paused_by_hand_at=status.paused_by_hand_at,
            orders=status.orders,
            trials=status.trials,
            ended=status.ended,
            salt=routing_from_status(status.routing).salt if status.routing else None,
            rollouts={r.challenger: r for r in status.rollouts if r.state != "Rejected"},
        )

    @property
    def stamp(self) -> str:
        return rfc3339(self.now)

    @property
    def wanted(self) -> str:
        """Who is to serve: the promoted version, or else the champion of the spec."""
        return self.promotion.name if self.promotion else self.md.spec.champion.name

    @property
    def serving(self) -> str:
        """Who serves; before anybody does, who is to."""
        return self.md.status.champion or self.wanted

    @property
    def switching(self) -> bool:
        """Whether another champion is about to take over."""
        return self.serving != self.wanted

    def specification(self, name: str) -> VersionSpec | None:
        """The version as the spec has it, or as it was kept while it serves."""
        found = self.md.spec.version(name)
        kept = self.md.status.serving
        if found is None and name == self.md.status.champion and kept is not None:
            return type(self.md.spec.champion).model_validate(kept)
        return found

    def seconds_since(self, stamp: str) -> float:
        return (self.now - parsed_time(stamp)).total_seconds()

    def put(self, rollout: RolloutStatus, **changes: Any) -> Ring:
        """The ring with one rollout changed."""
        changed = rollout.model_copy(update=changes)
        return replace(self, rollouts={**self.rollouts, rollout.challenger: changed})

    def without(self, name: str) -> Ring:
        return replace(self, rollouts={k: r for k, r in self.rollouts.items() if k != name})

    def rejection(self, version: VersionSpec) -> Rejection | None:
        """Why the version, with the content it has, is out; None when it is not."""
        return next(
            (r for r in self.rejections if (r.name, r.content) == (version.name, version.content)),
            None,
        )

    def rejected(self, version: VersionSpec, reason: str) -> Ring:
        """The ring with a version out; its trial is over."""
        trial = self.rollouts.get(version.name)
        entry = Rejection(
            name=version.name,
            content=version.content,
            reason=reason,
            at=self.stamp,
            warm_until=self.until(self.warm_seconds),
            verdict=trial.verdict if trial else None,
        )
        others = tuple(r for r in self.rejections if r.name != version.name)
        return replace(self, rejections=(entry, *others)[:MAX_REJECTIONS]).without(version.name)

    def readmitted(self, name: str) -> Ring:
        return replace(self, rejections=tuple(r for r in self.rejections if r.name != name))

    def ended_with(self, challenger: VersionSpec, outcome: str, against: str) -> Ring:
        """The ring with one more bout in its history."""
        trial = self.rollouts.get(challenger.name)
        entry = HistoryEntry(
            champion=against,
            challenger=challenger.name,
            outcome=outcome,
            at=self.stamp,
            content=challenger.content,
            evidence=evidence_record(trial) if trial and trial.trial else None,
        )
        return replace(
            self,
            history=(entry, *self.history)[:MAX_HISTORY],
            ended={**self.ended, outcome: self.ended.get(outcome, 0) + 1},
        )

    def until(self, seconds: float) -> str:
        return rfc3339(self.now + timedelta(seconds=seconds))

    def paused(self, rollout: RolloutStatus, by: PausedBy) -> Ring:
        return self.put(rollout, state="Paused", paused_at=self.stamp, paused_by=by)

    def resumed(self, rollout: RolloutStatus) -> Ring:
        """The trial goes on where it was; the time that it was paused counts for nothing."""
        away = max(0, round(self.seconds_since(rollout.paused_at))) if rollout.paused_at else 0
        step_started = rollout.step_started_at
        if step_started is not None:
            step_started = rfc3339(parsed_time(step_started) + timedelta(seconds=away))
        return self.put(
            rollout,
            state="Running",
            paused_at=None,
            paused_by=None,
            step_started_at=step_started,
            extended_seconds=rollout.extended_seconds + away,
        )

    def ready_once(self, version: VersionSpec) -> bool:
        """Whether it was ready before with the content it has."""
        known = self.md.status.version(version.name)
        return (
            known is not None
            and known.first_ready_at is not None
            and known.content == version.content
        )
