"""What reaches the evidence service from gateway agents, and how it answers any batch.

What reaches it from a version's pods stands in `dohyo.contract.records`.

Documents are JSON by `dohyo.contract.documents`: camelCase, None left out. Times are seconds since
1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# POST, an EventBatch.
EVENTS_PATH: Final = "/v1/events"
# POST, one Feedback or {"rows": [Feedback, …]}.
FEEDBACK_PATH: Final = "/v1/feedback"


@dataclass(frozen=True)
class BadEvent:
    """An answer that some gate may call bad, as a gateway agent saw it.

    Attributes:
        namespace, deployment: the ModelDeployment.
        assignment: the text of HEADER_ASSIGNMENT as it was stamped.
        request_id: HEADER_REQUEST_ID; an event is counted once for each.
        at: when the request came.
        code: gRPC status name of a gRPC answer, else the HTTP status.
        seconds: until the last byte.
        failed: whether it is an error by the gateway's own list (also: fallbacks).
        entity: the keyed hash of the entity; empty without one.
    """

    namespace: str
    deployment: str
    assignment: str
    request_id: str
    at: float
    code: str
    seconds: float
    failed: bool
    entity: str = ""


@dataclass(frozen=True)
class Served:
    """How many requests one gateway pod has answered under one assignment.

    Attributes:
        namespace, deployment: the ModelDeployment.
        assignment: the text of HEADER_ASSIGNMENT.
        requests: cumulative within the incarnation; repeats do no harm.
    """

    namespace: str
    deployment: str
    assignment: str
    requests: int


@dataclass(frozen=True)
class EventBatch:
    """What a gateway agent sends: POST EVENTS_PATH. Answered with an `Intake`.

    Attributes:
        source: the pod's name.
        incarnation: changes when its counters start anew.
        events: bad answers.
        served: denominators.
        dropped: events lost for want of room since the incarnation began, cumulative.
    """

    source: str
    incarnation: str
    events: tuple[BadEvent, ...] = ()
    served: tuple[Served, ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
class Refusal:
    """Why one row of a batch was not taken.

    Attributes:
        index: of the row in the batch.
        reason: a word for counting: malformed, oversized, forged, unknown, expired, late.
        message: place, value and the way out.
    """

    index: int
    reason: str
    message: str


@dataclass(frozen=True)
class Intake:
    """What became of a batch: all rows that are not refused are stored when this is read.

    Attributes:
        accepted: rows stored, repeats included.
        refused: the other ones.
    """

    accepted: int
    refused: tuple[Refusal, ...] = ()
