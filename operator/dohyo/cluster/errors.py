"""What can go wrong between the operator and the API server."""

from __future__ import annotations

import json


class ApiError(Exception):
    """The API server refused, or could not be asked.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        reason: Kubernetes' word for it, such as NotFound, Conflict or Unreachable.
        message: the server's sentence.
        ending: the namespace is being deleted, and everything in it.
    """

    def __init__(
        self, status: int, reason: str, message: str, request: str, *, ending: bool = False
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        self.ending = ending
        super().__init__(f"{request}: {status or 'no answer'} {reason}: {message}")

    @property
    def absent(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def invalid(self) -> bool:
        """The object that would come of it breaks a rule."""
        return self.status == 422

    @property
    def passing(self) -> bool:
        """It says nothing about the object: the server is away, or asks to come back later."""
        return self.status in (0, 429, 503, 504)


class Stale(Exception):  # noqa: N818 - an ordinary turn of events, not an error
    """Something changed between looking and writing; look again."""


class Incomplete(Exception):  # noqa: N818 - the status says it too
    """The API server refused a child; the rest of the pass was carried out."""


class LeadershipLost(Exception):  # noqa: N818 - what happened, not what is wrong
    """Another operator may lead by now: nothing may be written any more."""


def error_from(status: int, body: bytes, request: str) -> ApiError:
    """The error that an answer of 400 or above stands for."""
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    if not isinstance(document, dict) or document.get("kind") != "Status":
        return ApiError(status, "Unexpected", body[:200].decode(errors="replace"), request)
    causes = (document.get("details") or {}).get("causes") or ()
    return ApiError(
        status,
        document.get("reason") or "Unknown",
        document.get("message") or "",
        request,
        ending=any(cause.get("reason") == "NamespaceTerminating" for cause in causes),
    )
