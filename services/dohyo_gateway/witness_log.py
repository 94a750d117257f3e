"""What Envoy writes down of bad answers: which ones, in which words, and how a line is read.

The listener never changes, so it asks each request's route what is bad: routes of a ModelDeployment
on trial carry the present limits in their metadata. Good answers cost one look at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract import (
    HEADER_ASSIGNMENT,
    HEADER_ENTITY,
    HEADER_REQUEST_ID,
    MODE_FALLBACK,
    MODE_SPLIT,
    assignment_from_header,
)
from dohyo_gateway import xds

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo.contract import RoutingTable

WITNESS_FILE: Final = "bad-answers.log"

# gRPC statuses that are errors of the server, with their numbers.
GRPC_ERRORS: Final = {
    "UNKNOWN": 2,
    "DEADLINE_EXCEEDED": 4,
    "RESOURCE_EXHAUSTED": 8,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
}
GRPC_NUMBERS: Final = {
    "CANCELLED": 1,
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "OUT_OF_RANGE": 11,
    "UNIMPLEMENTED": 12,
    "UNAUTHENTICATED": 16,
    **GRPC_ERRORS,
}
# Envoy's word for a client that left; its requests are nobody's fault.
_CLIENT_LEFT: Final = "DC"

_LIMITS: Final = f"xds.route_metadata.filter_metadata['{xds.METADATA}']"
_MODE: Final = f"xds.cluster_metadata.filter_metadata['{xds.METADATA}']['{xds.METADATA_MODE}']"
_IS_GRPC: Final = "request.headers['content-type'].startsWith('application/grpc')"
# A part that cannot be computed, such as metadata that is not there, is no reason to write.
_BAD: Final = (
    f"{_LIMITS}['key'] != '' && (response.code >= 500"
    f" || double(response.code) in {_LIMITS}['codes']"
    f" || ({_IS_GRPC} && double(response.grpc_status) in {_LIMITS}['grpc'])"
    f" || request.duration > duration({_LIMITS}['slow'])"
    f" || {_MODE} == '{MODE_FALLBACK}')"
)
_NEVER: Final = "1000000s"


@dataclass(frozen=True)
class BadAnswer:
    """One line.

    Attributes:
        namespace, deployment: the ModelDeployment.
        assignment: the text of HEADER_ASSIGNMENT.
        request_id: HEADER_REQUEST_ID.
        entity: as it came, or empty.
        at: when the request came, in seconds since 1970.
        code: gRPC status name of a gRPC answer, else the HTTP status.
        seconds: until the last byte.
        failed: whether it is an error by the gateway's own list, or a fallback.
    """

    namespace: str
    deployment: str
    assignment: str
    request_id: str
    entity: str
    at: float
    code: str
    seconds: float
    failed: bool


def limits(key: str, table: RoutingTable) -> dict[str, Any]:
    """What a route tells the listener: metadata of one ModelDeployment's routes.

    Args:
        key: "namespace/name".
        table: its routing table; one without a trial's limits names nothing.
    """
    slow = f"{table.slow_seconds:.6f}s" if table.slow_seconds is not None else _NEVER
    http = [int(code) for code in table.bad_codes if code.isdecimal()]
    grpc = [GRPC_NUMBERS[code] for code in table.bad_codes if code in GRPC_NUMBERS]
    numbers = sorted({*GRPC_ERRORS.values(), *grpc})
    return {"key": key, "slow": slow, "codes": http, "grpc": numbers}


def access_log(folder: Path) -> dict[str, Any]:
    """The listener's second access log: bad answers alone, a JSON line each."""
    status = {"command": "GRPC_STATUS", "param": "SNAKE_STRING"}
    return {
        "filter": {
            "extension_filter": xds.typed(
                "envoy.access_loggers.extension_filters.cel",
                "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                expression=_BAD,
            )
        },
        **xds.typed(
            "envoy.access_loggers.file",
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=str(folder / WITNESS_FILE),
            log_format={
                "json_format": {
                    "key": f"%METADATA(ROUTE:{xds.METADATA}:key)%",
                    "assignment": f"%REQ({HEADER_ASSIGNMENT})%",
                    "request": f"%REQ({HEADER_REQUEST_ID})%",
                    "entity": f"%REQ({HEADER_ENTITY})%",
                    "at": "%START_TIME(%s.%6f)%",
                    "grpc": "%REQ(content-type)%",
                    "status": xds.coalesce(status, "RESPONSE_CODE"),
                    "code": "%RESPONSE_CODE%",
                    "milliseconds": "%DURATION%",
                    "flags": "%RESPONSE_FLAGS%",
                }
            },
        ),
    }


def read_line(line: bytes) -> BadAnswer | None:
    """One line; None when it is no evidence, or none that this reads."""
    try:
        document = orjson.loads(line)
        namespace, _, deployment = document["key"].partition("/")
        assignment = document["assignment"]
        mode = assignment_from_header(assignment).mode
        is_grpc = (document.get("grpc") or "").startswith("application/grpc")
        code = str(document["status"] if is_grpc else document["code"])
        if _CLIENT_LEFT in (document.get("flags") or "").split(",") or code == "0":
            return None
        if mode not in (MODE_SPLIT, MODE_FALLBACK):
            return None
        return BadAnswer(
            namespace=namespace,
            deployment=deployment,
            assignment=assignment,
            request_id=document.get("request") or "",
            entity=document.get("entity") or "",
            at=float(document["at"]),
            code=code,
            seconds=float(document["milliseconds"]) / 1000,
            failed=mode == MODE_FALLBACK or is_error(code),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_error(code: str) -> bool:
    """Whether a code is a server's error by the gateway's own list."""
    return code in GRPC_ERRORS or (code.isdecimal() and int(code) >= 500)
