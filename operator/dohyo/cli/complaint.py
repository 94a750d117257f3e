"""What a command ends with when it cannot do what it was asked for."""

from __future__ import annotations


class Complaint(Exception):  # noqa: N818 - what the user reads
    """One clear line for the user; the exit code is 1."""
