"""What a training run ends with when it cannot do what it was asked for."""

from __future__ import annotations


class Complaint(Exception):  # noqa: N818 - what the user reads
    """Clear lines for the user; the exit code is 1."""


class DataComplaint(Complaint):
    """The data cannot be used as they are."""


class TrainingStopped(Complaint):
    """The run may not go on, for reasons that the user has to judge.

    Attributes:
        reasons: one sentence each, with the column and the way out.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons
