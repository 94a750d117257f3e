"""Condition types and reasons, and the one place where conditions are made.

`metav1.Condition` in full: `observedGeneration` always, `lastTransitionTime` only on change,
`Ready` derived from the others and never set by hand.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dohyo.api.batch_conditions import BatchConditionType, BatchReason
from dohyo.api.scalars import ReadModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_MESSAGE_BYTES: Final = 512

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """What a condition is about. The first group is good when true, the second when false."""

    READY = "Ready"
    """The ring is as the spec asks: every version serves its share. Derived."""
    AVAILABLE = "Available"
    """The champion answers requests."""
    EVIDENCE_FRESH = "EvidenceFresh"
    """The evidence that gates decide on is recent."""
    EQUIPPED = "Equipped"
    """Every bento is made with `dohyo_serving`, as far as is known; without it a version lacks
    prediction ids and all that rests on them. Ready does not depend on it."""

    PROGRESSING = "Progressing"
    """Something is on its way: a version starts, traffic shifts, an old version drains."""
    DEGRADED = "Degraded"
    """A version cannot serve its share, although it should by now."""
    INVALID = "Invalid"
    """The spec cannot be carried out as it is written; the last valid one goes on."""
    UNSUPPORTED = "Unsupported"
    """The spec uses fields that this release does not carry out."""
    NAME_CONFLICT = "NameConflict"
    """An object that is not ours has the name of one of ours."""
    PAUSED = "Paused"
    """The rollout is held where it is, because the spec, somebody or a verdict asked for it."""


class Reason(StrEnum):
    """Why a condition is what it is."""

    READY = "Ready"
    """Every version serves its share."""
    CHAMPION_SERVES = "ChampionServes"
    """The champion has ready replicas and the gateway leads to them."""
    CHAMPION_NOT_READY = "ChampionNotReady"
    """The champion has no ready replica yet."""
    GATEWAY_NOT_READY = "GatewayNotReady"
    """No gateway pod has applied the present routes yet."""
    STEADY = "Steady"
    """Nothing is on its way."""
    VERSION_STARTING = "VersionStarting"
    """A version has not been ready yet."""
    ROLLING_OUT = "RollingOut"
    """A version's pods are being replaced."""
    TRAFFIC_SHIFTING = "TrafficShifting"
    """Gateway pods have not all applied the newest routes."""
    DRAINING = "Draining"
    """A version that left the ring finishes its requests."""
    HEALTHY = "Healthy"
    """Every version has the replicas that it should have."""
    IMAGE_NOT_AVAILABLE = "ImageNotAvailable"
    """A pod's image cannot be pulled."""
    BENTO_NOT_AVAILABLE = "BentoNotAvailable"
    """What a version's uri leads to cannot be fetched, or is not what it should be."""
    NO_RUNTIME = "RuntimeNotConfigured"
    """A version has a uri, and the installation no image to run it in."""
    CONTAINER_CRASHES = "ContainerCrashes"
    """A pod's container ends again and again."""
    OUT_OF_MEMORY = "OutOfMemory"
    """A pod's container was killed for its use of memory."""
    UNSCHEDULABLE = "Unschedulable"
    """No node can take a pod."""
    PROBE_FAILS = "ProbeFails"
    """A pod runs but does not become ready."""
    POD_REFUSED = "PodRefused"
    """The cluster does not let a pod be made: a quota, a policy, an admission."""
    DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    """A version did not become ready in time."""
    SPEC_INVALID = "SpecInvalid"
    """A field has a value that cannot be carried out."""
    NAME_BOUND = "VersionNameBound"
    """A version's name has belonged to other content."""
    POD_TEMPLATE_REFUSED = "PodTemplateRefused"
    """A podTemplate asks for something that this installation does not allow."""
    FIELD_UNSUPPORTED = "FieldUnsupported"
    """A field is set that this release does not carry out."""
    FOREIGN_OBJECT = "ForeignObject"
    """An object of that name exists and is controlled by somebody else."""
    PAUSED_BY_SPEC = "PausedBySpec"
    """`spec.paused` is true."""
    PAUSED_BY_HAND = "PausedByHand"
    """Somebody paused the rollout."""
    PAUSED_BY_VERDICT = "PausedByVerdict"
    """The rollout waits, as a gate or its end asked for."""
    EVIDENCE_FRESH = "EvidenceFresh"
    """The evidence is recent."""
    EVIDENCE_STALE = "EvidenceStale"
    """The evidence is old or cannot be had."""
    LIBRARY_USED = "ServingLibraryUsed"
    """Every bento that was looked into is made with `dohyo_serving`."""
    LIBRARY_MISSING = "ServingLibraryMissing"
    """A bento is a BentoML service without `dohyo_serving`."""
    CLUSTER_ERROR = "ClusterError"
    """The API server refused or failed; it is tried again."""


class Condition(ReadModel):
    """`metav1.Condition`."""

    type: Annotated[str, Field(max_length=316)]
    """What it is about."""

    status: ConditionStatus
    """True, False or Unknown."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that it speaks of."""

    last_transition_time: Annotated[str, Field(max_length=32)]
    """When status last changed."""

    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word."""

    message: Annotated[str, Field(max_length=32_768)] = ""
    """Why, in a sentence."""


# Known by their types, to the API server and to server-side apply.
Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]


class Wanted(BaseModel):
    """A condition as it should be now, before it is known since when."""

    model_config = ConfigDict(frozen=True)

    type: ConditionType | BatchConditionType
    status: ConditionStatus
    reason: Reason | BatchReason
    message: str = ""


# What Ready depends on, in the order of what a reader should be told first, and the good status.
_READY_NEEDS: Final[tuple[tuple[ConditionType, ConditionStatus], ...]] = (
    (ConditionType.INVALID, "False"),
    (ConditionType.NAME_CONFLICT, "False"),
    (ConditionType.UNSUPPORTED, "False"),
    (ConditionType.DEGRADED, "False"),
    (ConditionType.AVAILABLE, "True"),
    (ConditionType.PROGRESSING, "False"),
)


def derive_ready(wanted: Iterable[Wanted]) -> Wanted:
    """Ready, with reason and message of the first condition that stands in its way.

    Of those it depends on only Available must be there; the others are good when absent.
    """
    by_type = {w.type: w for w in wanted}
    for kind, good in _READY_NEEDS:
        found = by_type.get(kind)
        if found is None:
            if good == "False":
                continue
            return Wanted(
                type=ConditionType.READY,
                status="Unknown",
                reason=Reason.CHAMPION_NOT_READY,
                message="nothing is known about the champion yet",
            )
        if found.status != good:
            status: ConditionStatus = "Unknown" if found.status == "Unknown" else "False"
            return Wanted(
                type=ConditionType.READY,
                status=status,
                reason=found.reason,
                message=found.message,
            )
    return Wanted(
        type=ConditionType.READY,
        status="True",
        reason=Reason.READY,
        message="every version serves its share",
    )


def merge(
    previous: Iterable[Condition],
    wanted: Iterable[Wanted],
    now: datetime,
    generation: int,
    ready: Callable[[Iterable[Wanted]], Wanted] = derive_ready,
) -> tuple[Condition, ...]:
    """The conditions to be stored: those wanted, and Ready, which is derived from them.

    A condition keeps its transition time unless its status changes; one that is no longer wanted
    goes. Messages are cut to MAX_MESSAGE_BYTES.

    Args:
        previous: as they stand in the status.
        wanted: at most one of each type, without Ready.
        now: an aware time.
        generation: of the spec that this is about.
        ready: derives Ready from those wanted.

    Raises:
        ValueError: Ready is among those wanted, or a type comes twice.
    """
    asked = tuple(wanted)
    kinds = [w.type for w in asked]
    if ConditionType.READY in kinds:
        raise ValueError("Ready is derived from the other conditions; do not set it")
    if len(set(kinds)) != len(kinds):
        raise ValueError(f"a condition type comes twice in {', '.join(kinds)}")
    before = {c.type: c for c in previous}
    stamp = rfc3339(now)
    return tuple(
        Condition(
            type=w.type,
            status=w.status,
            observed_generation=generation,
            last_transition_time=_since(before.get(w.type), w.status, stamp),
            reason=w.reason,
            message=shortened(w.message),
        )
        for w in (ready(asked), *asked)
    )


def _since(previous: Condition | None, status: ConditionStatus, stamp: str) -> str:
    if previous is not None and previous.status == status:
        return previous.last_transition_time
    return stamp


def rfc3339(moment: datetime) -> str:
    """The time as Kubernetes writes it: UTC, whole seconds, ``Z``.

    Raises:
        ValueError: the time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed_time(stamp: str) -> datetime:
    """The inverse of `rfc3339`.

    Raises:
        ValueError: the text is no time with a zone.
    """
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"{stamp} has no time zone")
    return moment


def shortened(message: str, limit_bytes: int = MAX_MESSAGE_BYTES) -> str:
    """The message in at most that many bytes of UTF-8, its end replaced by ``…`` when cut."""
    raw = message.encode()
    if len(raw) <= limit_bytes:
        return message
    return raw[: limit_bytes - 3].decode(errors="ignore") + "…"
