"""What became of a plan when it was carried out: the input of the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dohyo.plan.observed import ChildKey


@dataclass(frozen=True)
class Failure:
    """A child that could not be written, and the API server's reason in its own words."""

    key: ChildKey
    message: str


@dataclass(frozen=True)
class Applied:
    """The outcome of one pass.

    Attributes:
        conflicts: objects under a child's name that somebody else owns; they were left alone.
        failures: children that the API server refused or that could not be sent.
        changed: how many objects were written.
    """

    conflicts: frozenset[ChildKey] = frozenset()
    failures: tuple[Failure, ...] = ()
    changed: int = 0
