"""What one fetch is asked for, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dohyo_serving.fetch.address import Address

CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a fetch may take at most.

    Attributes:
        archive_bytes: of what is downloaded.
        unpacked_bytes: of all files together.
        entries: files and folders.
        seconds: until the archive is there, all attempts together.
        patience_seconds: for what is temporary, from the first failure on.
        silence_seconds: of a server that sends nothing.
    """

    archive_bytes: int = 16 << 30
    unpacked_bytes: int = 32 << 30
    entries: int = 100_000
    seconds: float = 1800.0
    patience_seconds: float = 60.0
    silence_seconds: float = 30.0


@dataclass(frozen=True)
class Order:
    """One bento to fetch.

    Attributes:
        address: where it lies.
        digest: of what the address leads to (of an oci address, its manifest); None is any.
        secrets: credentials by the names that their Secret gives them.
        claims: folder in which claims are mounted under their names.
        plain_registries: registries that are spoken to without TLS, as host:port.
        limits: what it may take.
    """

    address: Address
    digest: str | None
    secrets: Mapping[str, str]
    claims: Path
    plain_registries: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
