"""The status of a ModelDeployment as frozen typed values.

Read leniently (a newer operator may have written more), written without empty fields.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from dohyo.api.conditions import MAX_MESSAGE_BYTES, Condition, Conditions
from dohyo.api.scalars import BY_NAME, FreeForm, Name, Number, Percent, ReadModel, ShortText

MAX_VERSIONS: Final = 32
MAX_HISTORY: Final = 10

MAX_REJECTIONS: Final = 16
MAX_ORDERS: Final = 8

Role = Literal["champion", "challenger", "previous"]
TrialState = Literal["Waiting", "Queued", "Running", "Paused", "Rejected"]
PausedBy = Literal["Spec", "Hand", "Passed", "Failed", "Inconclusive"]
VersionState = Literal["Pending", "Starting", "Ready", "Degraded", "Failed", "Draining"]
Outcome = Literal["passed", "failed", "inconclusive", "error"]
Count = Annotated[int, Field(ge=0)]
Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
# Counted in characters by the schema and in bytes by who writes it.
Message = Annotated[str, Field(max_length=MAX_MESSAGE_BYTES)]


class VersionStatus(ReadModel):
    """What one version does, and why it does no more."""

    name: Name
    """The version's name."""

    role: Role
    """champion, challenger, or previous: replaced or removed, answering pinned requests until
    it has drained."""

    bento: Annotated[str, Field(max_length=127)]
    """The bento's tag."""

    weight: Percent = 0.0
    """Percent of the requests that it answers now."""

    shadow: Percent = 0.0
    """Percent of the requests copied to it now."""

    replicas: Count = 0
    """Pods it should have now."""

    ready_replicas: Count = 0
    """Pods that can answer."""

    state: VersionState
    """Pending, Starting, Ready, Degraded, Failed or Draining."""

    reason: ShortText | None = None
    """Why it is not ready, in one word."""

    message: Message | None = None
    """Why it is not ready, in the words of its pods."""

    first_ready_at: Time | None = None
    """When it could first answer. A version gets no weight before that."""

    content: Annotated[str, Field(max_length=71)] | None = None
    """What the name is bound to: a digest over bento, image, uri and digest."""

    digest: Annotated[str, Field(max_length=71)] | None = None
    """The SHA-256 of the archive that its youngest pod has fetched."""


class RetiringVersion(ReadModel):
    """A version that the routes no longer name and that is kept until all gateway pods know."""

    name: Name
    """The version's name."""

    service: Name
    """The Service that led to it."""

    since_epoch: Count
    """The first epoch of the routes without it."""

    acknowledged_at: Time | None = None
    """When every ready gateway pod had applied that epoch."""


class ArmCount(ReadModel):
    """What one side of a comparison has contributed to a gate."""

    units: Count = 0
    """Entities (or requests, where nothing is sticky) that were counted."""

    value: Number | None = None
    """The side's own rate or mean."""


class GateFinding(ReadModel):
    """What one gate says."""

    name: Name
    """The gate's name."""

    outcome: Outcome
    """passed, failed, inconclusive or error."""

    reason: ShortText | None = None
    """Why, in one word."""

    message: Message | None = None
    """Why, with value, limit and count."""

    dry_run: bool | None = None
    """Whether the gate only reports."""

    e_harm: Number | None = None
    """The e-value against "not harmful"; the gate fails at the trial's harm threshold."""

    e_pass: Number | None = None
    """The e-value against "not good enough"; the gate passes at the trial's promote threshold."""

    effect: Number | None = None
    """The challenger's side compared with the champion's, in the gate's own unit."""

    lower: Number | None = None
    """The lower end of the effect's confidence sequence; shown, never decisive."""

    upper: Number | None = None
    """The upper end."""

    champion: ArmCount | None = None
    """What the champion's side has contributed."""

    challenger: ArmCount | None = None
    """What the challenger's side has contributed."""


class Verdict(ReadModel):
    """What all gates say together."""

    outcome: Outcome
    """passed, failed, inconclusive or error."""

    reason: ShortText | None = None
    """Why, in one word."""

    message: Message | None = None
    """Why, in a sentence."""

    advice: Message | None = None
    """What would help to come to a better verdict."""

    at: Time | None = None
    """When it was last written down; numbers alone are written at most every ten seconds."""

    gates: Annotated[tuple[GateFinding, ...], Field(max_length=16)] = ()
    """What each gate says."""


class Thresholds(ReadModel):
    """The e-values that decide in a trial, frozen when it began."""

    harm: Number
    """A gate fails at this e-value: challengers times harm tests over `alpha.harm`."""

    promote: Number
    """A gate passes at this e-value: challengers over `alpha.promote`."""


class Slot(ReadModel):
    """A challenger's own part of the line of buckets, filled from its start."""

    start: Annotated[int, Field(ge=0, le=10_000)]
    """The first bucket."""

    width: Annotated[int, Field(ge=0, le=10_000)]
    """How many buckets it may fill."""


class RolloutStatus(ReadModel):
    """Where one challenger stands."""

    challenger: Name
    """The challenger's name."""

    state: TrialState = "Waiting"
    """Waiting (for its pods), Queued, Running, Paused or Rejected."""

    message: Message | None = None
    """Why it is in that state, in a sentence."""

    trial: ShortText = ""
    """The comparison that its evidence belongs to; empty before it begins."""

    champion: Name | None = None
    """Whom it is compared with."""

    identity: Annotated[str, Field(max_length=71)] | None = None
    """A digest of all that the trial compares; a change begins a new trial."""

    attempt: Count = 0
    """How many trials this content has had with this one."""

    thresholds: Thresholds | None = None
    """The e-values that decide."""

    slot: Slot | None = None
    """Its part of the line; none under a bandit."""

    cuts: Annotated[dict[ShortText, Number], Field(max_length=16)] = Field(default_factory=dict)
    """The champion's quantiles in seconds that latency gates look beyond, by gate, frozen when the
    trial began."""

    step: Count = 0
    """The present step, counted from 0."""

    step_started_at: Time | None = None
    """When the step began, put off by the time that it was paused."""

    started_at: Time | None = None
    """When the trial began."""

    evidence_since: Time | None = None
    """Since when the evidence service has known of the trial. Another time means that it has lost
    what it knew, and the trial begins anew."""

    extended_seconds: Count = 0
    """What pauses have added to `maxDuration`."""

    paused_at: Time | None = None
    """Since when it has been paused."""

    paused_by: PausedBy | None = None
    """Who or what paused it: Spec, Hand, Passed, Failed or Inconclusive."""

    drawn_weight: Percent | None = None
    """The weight that a bandit gave it last."""

    drawn_at: Time | None = None
    """When that was."""

    verdict: Verdict | None = None
    """What the gates say now."""


class Promotion(ReadModel):
    """The version that serves although the spec names another champion."""

    name: Name
    """The promoted version."""

    content: Annotated[str, Field(max_length=71)]
    """Its content."""

    over: Name
    """The champion of the spec at that time; another one there makes the promotion void."""

    at: Time
    """When it was promoted."""


class Rejection(ReadModel):
    """A version that has lost; it stays out until its content changes or `retry` is called."""

    name: Name
    """The version's name."""

    content: Annotated[str, Field(max_length=71)]
    """The content that has lost."""

    reason: ShortText
    """How: GateFailed, Inconclusive, Aborted, Replaced, Beaten or Undone."""

    at: Time
    """When."""

    warm_until: Time
    """How long its pods stay although nothing is sent to them."""

    verdict: Verdict | None = None
    """What the gates said at the end."""


class WarmVersion(ReadModel):
    """The last champion, kept running for a while so that going back is instant."""

    name: Name
    """The version's name."""

    until: Time
    """How long."""

    specification: FreeForm
    """The whole specification, also after spec has dropped it."""


class Order(ReadModel):
    """The last manual action of its kind, and what became of it."""

    number: Count
    """Counts all orders of this object."""

    action: ShortText
    """promote, abort, pause, resume, undo or retry."""

    value: ShortText
    """The annotation's value."""

    refused: bool = False
    """Whether it could not be followed."""

    settled: bool = False
    """Whether its annotation is gone; the same one again is another order."""

    message: Message
    """What became of it."""


class HistoryEntry(ReadModel):
    """One bout that is over."""

    champion: Name
    """The champion's name."""

    challenger: Name
    """The challenger's name."""

    outcome: ShortText
    """How it ended."""

    at: Time
    """When it ended."""

    content: Annotated[str, Field(max_length=71)] | None = None
    """The challenger's content."""

    evidence: FreeForm | None = None
    """What decided it, in at most 2 kB."""


class Summary(ReadModel):
    """One line for `kubectl get`; nothing reads it but people."""

    challengers: ShortText = ""
    """The challengers' names."""

    weights: ShortText = ""
    """The percent of the requests that they answer now."""

    step: ShortText = ""
    """The present step of how many."""

    verdict: ShortText = ""
    """What the gates say."""


class ModelDeploymentStatus(ReadModel):
    """Which version serves what, and why not."""

    observed_generation: Count = 0
    """The generation of the spec that this speaks of."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where clients in the cluster call the model."""

    champion: Name | None = None
    """The version that serves now; differs from spec after a promotion, until spec follows."""

    serving: FreeForm | None = None
    """The whole specification of that version: it is repaired and scaled also after spec has
    dropped it."""

    phase: Annotated[str, Field(max_length=63)] | None = None
    """Printed only; the truth is in the conditions."""

    summary: Summary | None = None
    """Printed only: one line for `kubectl get`."""

    versions: Annotated[
        tuple[VersionStatus, ...], Field(max_length=MAX_VERSIONS, json_schema_extra=BY_NAME)
    ] = ()
    """Each version in the ring or on its way out."""

    routing: FreeForm | None = None
    """The whole input of the gateway about this object (`contract.routing_from_status`)."""

    retiring: Annotated[tuple[RetiringVersion, ...], Field(max_length=MAX_VERSIONS)] = ()
    """Versions kept until all gateway pods have forgotten them."""

    rollouts: Annotated[tuple[RolloutStatus, ...], Field(max_length=8)] = ()
    """Where each challenger stands."""

    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=MAX_HISTORY)] = ()
    """The last bouts, the newest first."""

    promotion: Promotion | None = None
    """The promotion that overrides `spec.champion`, while it is valid."""

    rejections: Annotated[tuple[Rejection, ...], Field(max_length=MAX_REJECTIONS)] = ()
    """Versions that have lost, the newest first."""

    warm: WarmVersion | None = None
    """The last champion, while it is kept running."""

    paused_by_hand_at: Time | None = None
    """Since when the rollouts have been paused by `pause`."""

    orders: Annotated[tuple[Order, ...], Field(max_length=MAX_ORDERS)] = ()
    """Manual actions, the last of each kind."""

    trials: Count = 0
    """How many trials have begun in all; each gets a new salt."""

    ended: Annotated[dict[ShortText, Count], Field(max_length=16)] = Field(default_factory=dict)
    """How many bouts have ended in all, by outcome."""

    conditions: Conditions = ()
    """What is true of it now."""

    def as_raw(self) -> dict[str, Any]:
        """As JSON values in camelCase; of rollouts nothing where there never was one."""
        raw = super().as_raw()
        for field in ("rejections", "orders", "trials", "ended"):
            if not raw[field]:
                del raw[field]
        return raw

    def version(self, name: str) -> VersionStatus | None:
        return next((v for v in self.versions if v.name == name), None)

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)


def summary_of(
    versions: tuple[VersionStatus, ...], rollouts: tuple[RolloutStatus, ...] = (), steps: int = 0
) -> Summary:
    """The line for `kubectl get`, each field at most 63 characters.

    Args:
        versions: as they will stand in the status.
        rollouts: as they will stand in the status.
        steps: how many steps the rollout has.
    """
    challengers = [v for v in versions if v.role == "challenger"]
    by_name = {r.challenger: r for r in rollouts}
    trials = [by_name.get(v.name) for v in challengers]
    return Summary(
        challengers=_listed([v.name for v in challengers]),
        weights=_listed([f"{v.weight:g}" for v in challengers]),
        step=_listed([f"{t.step + 1}/{steps}" if t and t.trial else "-" for t in trials])
        if rollouts
        else "",
        verdict=_listed([_word(t) for t in trials]) if rollouts else "",
    )


def _word(rollout: RolloutStatus | None) -> str:
    """One word for where a challenger stands."""
    if rollout is None:
        return "-"
    if rollout.state in ("Running", "Paused") and rollout.verdict is not None:
        return rollout.verdict.outcome
    return rollout.state.lower()


def _listed(words: list[str], limit: int = 63) -> str:
    text = ",".join(words)
    if len(text) <= limit:
        return text
    rest = len(words) - 1
    return f"{words[0][: limit - 6]},+{rest}" if rest else words[0][:limit]
