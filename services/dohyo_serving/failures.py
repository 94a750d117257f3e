"""Why a request gets no prediction: one list for both protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_form.errors import Finding


# Of a text that travels in trailing metadata, which clients bound.
MOST_CHARACTERS: Final = 3000


@dataclass(frozen=True)
class Kind:
    """A way to fail, as HTTP and gRPC name it."""

    status: int
    code: str


# The names are those of google.rpc.Code.
MALFORMED = Kind(400, "INVALID_ARGUMENT")
REFUSED = Kind(422, "INVALID_ARGUMENT")
NOT_FOUND = Kind(404, "NOT_FOUND")
WRONG_METHOD = Kind(405, "UNIMPLEMENTED")
SLOW = Kind(408, "DEADLINE_EXCEEDED")
TOO_LARGE = Kind(413, "RESOURCE_EXHAUSTED")
UNSUPPORTED = Kind(415, "INVALID_ARGUMENT")
OVERLOADED = Kind(429, "RESOURCE_EXHAUSTED")
FAULT = Kind(500, "INTERNAL")
LATE = Kind(504, "DEADLINE_EXCEEDED")


class RequestError(Exception):
    """A request that ends without a prediction.

    Attributes:
        kind: how both protocols name it.
        message: what is wrong and the way out.
        findings: field by field, where the contract refuses.
    """

    def __init__(self, kind: Kind, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.findings = findings


def detail(error: RequestError) -> list[dict[str, Any]]:
    """The findings as the answer's JSON shows them."""
    if not error.findings:
        return [{"loc": [], "type": error.kind.code.lower(), "msg": error.message}]
    return [
        {
            "loc": _place(each),
            "type": each.kind,
            "msg": each.message,
            "input": _shown(each.value),
        }
        for each in error.findings
    ]


def in_words(error: RequestError) -> str:
    """The findings in one line, for protocols with a text alone."""
    if not error.findings:
        return error.message
    told = [
        f"{'.'.join(map(str, _place(each)))}: {each.message}{_given(each)}"
        for each in error.findings[:5]
    ]
    more = len(error.findings) - len(told)
    words = "; ".join(told)
    if len(words) > MOST_CHARACTERS:
        words = f"{words[:MOST_CHARACTERS]}…"
    # There may be more than the intake tells of.
    return words + (f"; and at least {more} more" if more > 0 else "")


def _place(finding: Finding) -> list[str | int]:
    """Names are as long as a client likes; an answer is not."""
    return [part[:100] if isinstance(part, str) else part for part in finding.place]


def _given(finding: Finding) -> str:
    """The value that was sent, where it is the value that is wrong."""
    if finding.kind in ("missing", "unknown", "shape"):
        return ""
    value = finding.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f", not {value!r}"[:100]
    return f", not {json.dumps(_shown(value), ensure_ascii=False)}"


def _shown(value: Any) -> Any:
    """A value as short as a message can bear."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # Not every number has a JSON.
        return value if abs(value) < 2**53 else str(value)[:100]
    return value[:100] if isinstance(value, str) else f"<{type(value).__name__}>"
