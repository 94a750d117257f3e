"""Refuses a routing table that Envoy would refuse, since one bad entry spoils the whole file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dohyo.contract import BUCKETS, ROLE_CHALLENGER, ROLE_CHAMPION, ROLE_PREVIOUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.contract import RoutedVersion, RoutingTable

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_WORD: Final = re.compile(r"[A-Za-z0-9._:@+-]{1,256}")
_HEADER: Final = re.compile(r"[a-z0-9!#$&'*+.^_`|~-]{1,256}")
_ROLES: Final = (ROLE_CHAMPION, ROLE_CHALLENGER, ROLE_PREVIOUS)


def objections(key: str, table: RoutingTable) -> tuple[str, ...]:
    """What is wrong with the table, each with its place and value; empty when nothing is.

    Args:
        key: "namespace/name" of the ModelDeployment.
        table: as read from its status.
    """
    return tuple(f"{key}: status.routing.{text}" for text in _all_objections(key, table))


def _all_objections(key: str, table: RoutingTable) -> Iterator[str]:
    for part in key.split("/"):
        if not _LABEL.fullmatch(part):
            yield f"*: the object's name part {part!r} is no DNS label"
    for field, value in (("trial", table.trial), ("salt", table.salt)):
        if not _WORD.fullmatch(value):
            yield f"{field}: {value!r} must be 1 to 256 of letters, digits and ._:@+-"
    if table.sticky_header is not None and not _HEADER.fullmatch(table.sticky_header):
        yield f"stickyHeader: {table.sticky_header!r} is no header name in lower case"
    if not 0 < table.timeout_seconds <= 86_400:
        yield f"timeoutSeconds: {table.timeout_seconds} must be above 0 and at most 86400"
    if not 0 <= table.retries <= 10:
        yield f"retries: {table.retries} must be 0 to 10"
    yield from _version_objections(table)


def _version_objections(table: RoutingTable) -> Iterator[str]:
    champions = [v.name for v in table.versions if v.role == ROLE_CHAMPION]
    if len(champions) != 1:
        yield f"versions: there must be one champion, not {champions}"
    names = [v.name for v in table.versions]
    if len(set(names)) != len(names):
        yield f"versions: the names {names} are not unique"
    for version in table.versions:
        for text in _objections_to(version):
            yield f"versions[{version.name!r}]{text}"
    at = 0
    for start, end in sorted(b for version in table.versions for b in version.buckets):
        if not at <= start <= end <= BUCKETS:
            yield f"versions[*].buckets: {start}..{end} overlaps another or leaves 0..{BUCKETS}"
        at = max(at, end)


def _objections_to(version: RoutedVersion) -> Iterator[str]:
    for text in (version.name, version.service):
        if not _LABEL.fullmatch(text):
            yield f": {text!r} is no DNS label"
    if version.role not in _ROLES:
        yield f".role: {version.role!r} is none of {_ROLES}"
    if version.buckets and version.role == ROLE_CHAMPION:
        yield ".buckets: the champion owns what nobody else does"
    if not 0 <= version.shadow <= BUCKETS:
        yield f".shadow: {version.shadow} must be 0 to {BUCKETS}"
