"""The rule of the split, written a second time: which version an entity belongs to, and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xxhash
from scipy.stats import chisquare

from dohyo.contract import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract import RoutingTable


def bucket(salt: str, entity: str) -> int:
    """The place of an entity on the line of buckets."""
    return int(xxhash.xxh64(f"{salt}/{entity}".encode()).intdigest()) % BUCKETS


def owner(table: RoutingTable, entity: str) -> str:
    """The version that the routing table gives an entity to."""
    place = bucket(table.salt, entity)
    for version in table.versions:
        if any(start <= place < end for start, end in version.buckets):
            return version.name
    return table.champion.name


def chance(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """The probability of a split at least this far from the shares, by chi-square.

    Raises:
        ValueError: a version was counted that has no share.
    """
    strangers = set(counts) - {name for name, share in shares.items() if share > 0}
    if strangers:
        raise ValueError(f"requests went to {sorted(strangers)}, which have no share")
    total = sum(counts.values())
    names = sorted(name for name, share in shares.items() if share > 0)
    whole = sum(shares[name] for name in names)
    observed = [counts.get(name, 0) for name in names]
    expected = [total * shares[name] / whole for name in names]
    return float(chisquare(observed, expected).pvalue)
