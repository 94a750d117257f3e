"""What every kind of address has in common: bytes, one after the other, and their digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Content:
    """An archive on its way.

    Attributes:
        chunks: its bytes.
        size: in bytes as announced; None when it was not.
    """

    chunks: Iterator[bytes]
    size: int | None


class Source(Protocol):
    """Where an archive comes from."""

    def resolve(self) -> str | None:
        """The SHA-256 that the archive must have; None when nobody said.

        Raises:
            FetchError: what the address leads to is not what was asked for.
        """

    def read(self) -> AbstractContextManager[Content]:
        """The archive itself.

        Raises:
            FetchError: it cannot be had.
        """
