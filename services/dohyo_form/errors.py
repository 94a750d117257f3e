"""What a form or a request can be wrong about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class FormError(Exception):
    """A file of a serving form is not as it must be: says which, where, and the way out."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a request.

    Attributes:
        place: where, such as ("records", 0, "age").
        kind: one word of a fixed list, fit for a metric's label.
        message: what is wrong, and what is allowed.
        value: what stands there; None when nothing does.
    """

    place: tuple[str | int, ...]
    kind: str
    message: str
    value: Any = None


class RefusedError(Exception):
    """A request that the contract does not allow."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings
