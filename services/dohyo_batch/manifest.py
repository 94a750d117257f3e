"""The plan of a run: which rows belong to which shard. Pure; written once, read by every shard."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dohyo.contract.documents import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dohyo.contract.batch import BatchOrder

MANIFEST_FORMAT: Final = 1
# A unit is small when so many make up a shard's share.
_SMALL: Final = 8


@dataclass(frozen=True)
class InputFile:
    """One file as it was when the run was planned.

    Attributes:
        path: below the input's uri; empty when that is the file.
        size: in bytes.
        etag: changes with its content.
    """

    path: str
    size: int
    etag: str


@dataclass(frozen=True)
class Piece:
    """Rows that are read together.

    Attributes:
        file: place in the manifest's files; -1 for a database.
        first: number of its first row in the whole input, from 0 on.
        rows: how many.
        skip: rows of the row group or range before it.
        group: row group of a Parquet file.
        start, end: bytes of a text file, or keys of a database, half-open.
        shard: whose it is.
    """

    file: int
    first: int
    rows: int
    skip: int = 0
    group: int | None = None
    start: int | None = None
    end: int | None = None
    shard: int = 0

    @property
    def can_be_cut(self) -> bool:
        """Whether its rows have an order of their own; those of a query without a key have not."""
        return self.group is not None or self.start is not None


@dataclass(frozen=True)
class Manifest:
    """A run, fixed.

    Attributes:
        format: MANIFEST_FORMAT.
        run: its name.
        fingerprint: of the order; another order may not write into this run's folder.
        started: microseconds since 1970; the time of all its predictions.
        shards: how many.
        rows: of the whole input.
        files: in order.
        pieces: in order.
    """

    format: int
    run: str
    fingerprint: str
    started: int
    shards: int
    rows: int
    files: tuple[InputFile, ...]
    pieces: tuple[Piece, ...]

    def of_shard(self, shard: int) -> list[Piece]:
        return [piece for piece in self.pieces if piece.shard == shard]


def fingerprint(order: BatchOrder) -> str:
    """What makes two orders the same work; where bentos lie and who listens is not of it."""
    versions = tuple(replace(each, folder="") for each in order.versions)
    told = replace(order, run="", versions=versions, evidence_url=None, previous=None)
    text = json.dumps(to_json(told), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def dealt(units: Iterable[Piece], shards: int) -> tuple[Piece, ...]:
    """The units' rows, numbered through and dealt to the shards in contiguous stretches.

    Small units stay whole; a large one is cut where a shard ends, so that a single large row
    group does not keep the other shards idle.

    Args:
        units: with their rows; `first` and `shard` are set here.
        shards: how many; each gets its share, and at most a small unit more or less.
    """
    units = list(units)
    total = sum(unit.rows for unit in units)
    borders = [total * shard // shards for shard in range(shards + 1)]
    pieces, first = [], 0
    for unit in units:
        end = first + unit.rows
        whole = unit.rows * shards * _SMALL <= total or not unit.can_be_cut
        cuts = [] if whole else [border for border in borders if first < border < end]
        for low, high in pairwise([first, *cuts, end]):
            # By its middle, so that a small unit goes where most of it belongs.
            shard = min(shards - 1, bisect_right(borders, (low + high - 1) // 2) - 1)
            skip = low - first
            pieces.append(replace(unit, first=low, rows=high - low, skip=skip, shard=shard))
        first = end
    return tuple(piece for piece in pieces if piece.rows)


def planned(
    order: BatchOrder, run: str, started: int, files: Sequence[InputFile], units: Iterable[Piece]
) -> Manifest:
    """The manifest of a run."""
    pieces = dealt(units, order.shards)
    return Manifest(
        format=MANIFEST_FORMAT,
        run=run,
        fingerprint=fingerprint(order),
        started=started,
        shards=order.shards,
        rows=sum(piece.rows for piece in pieces),
        files=tuple(files),
        pieces=pieces,
    )
