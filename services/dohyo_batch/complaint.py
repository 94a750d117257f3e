"""What a shard or the end of a run ends with when it cannot do its work."""

from __future__ import annotations


class BatchError(Exception):
    """Says place, value and the way out.

    Attributes:
        reason: one of the words of `dohyo.contract.batch`; it decides whether to try again.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
