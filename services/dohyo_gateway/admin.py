"""Envoy's admin interface: what it has applied, what it has counted, and the order to drain."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from dohyo_gateway import xds
from dohyo_gateway.bootstrap import COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_APPLIED: Final = (
    rf"^(cluster_manager\.cds|http\.{xds.STAT_PREFIX}\.rds\.{xds.ROUTE_CONFIGURATION})"
    r"\.(version_text|update_rejected|update_failure)$"
)
_READ: Final = (
    rf"^({COUNTED}\."
    r"|cluster\..*\.(upstream_rq_active|upstream_rq_pending_active|upstream_rq_retry"
    r"|outlier_detection\.ejections_(active|enforced_total))$"
    rf"|cluster\..*{xds.SHADOW}\.upstream_rq_total$"
    r"|listener_manager\.listener_(added|modified|removed|in_place_updated)$"
    r"|server\.uptime$)"
)


class EnvoyAbsentError(Exception):
    """Envoy's admin interface does not answer."""


@dataclass(frozen=True)
class Applied:
    """The versions of the files that Envoy runs with; "" before the first.

    Attributes:
        clusters, routes: versions.
        clusters_refused, routes_refused: how often it refused a file.
    """

    clusters: str = ""
    routes: str = ""
    clusters_refused: int = 0
    routes_refused: int = 0


@dataclass(frozen=True)
class Reading:
    """Envoy's statistics at one moment, cumulative since it started.

    Attributes:
        uptime: of Envoy, in seconds.
        requests, microseconds: final answers and the sum of their durations, by (cluster, code).
        durations: cumulative counts by `DURATION_BOUNDS`, by (cluster, code).
        clusters: by (cluster, name of the statistic).
        listener_changes: listeners added, modified or removed.
    """

    uptime: int = 0
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    microseconds: Mapping[tuple[str, str], int] = field(default_factory=dict)
    durations: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    clusters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    listener_changes: int = 0


class Admin:
    """Talks to one Envoy.

    Every method raises EnvoyAbsentError when Envoy does not answer.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def is_ready(self) -> bool:
        """Whether Envoy has all that it needs to serve."""
        return (await self._ask("GET", "/ready"))[0] == 200

    async def applied(self) -> Applied:
        _, body = await self._ask("GET", "/stats", filter=_APPLIED)
        return read_applied(body.decode())

    async def reading(self) -> Reading:
        _, body = await self._ask(
            "GET", "/stats", filter=_READ, format="json", histogram_buckets="cumulative"
        )
        return read_statistics(orjson.loads(body))

    async def drain(self) -> None:
        """Ends clients' connections one by one, with the next answer each; refuses nobody."""
        await self._ask("POST", "/healthcheck/fail")
        await self._ask("POST", "/drain_listeners", graceful="", skip_exit="")

    async def reopen_logs(self) -> None:
        """Makes Envoy write its logs to new files."""
        await self._ask("POST", "/reopen_logs")

    async def refusal(self) -> str:
        """Why Envoy refused the last file, in its words; empty when it says nothing."""
        for resource in ("dynamic_route_configs", "dynamic_active_clusters"):
            _, body = await self._ask(
                "GET", "/config_dump", resource=resource, mask="error_state.details"
            )
            if found := re.search(rb'"details": "((?:[^"\\]|\\.)*)"', body):
                return found[1].decode()[:500]
        return ""

    async def _ask(self, method: str, path: str, **query: str) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.request(method, self._address + path, params=query) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EnvoyAbsentError(
                f"{method} {self._address}{path}: {error or type(error).__name__}"
            ) from error


def read_applied(text: str) -> Applied:
    """Reads the lines of `/stats`."""
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def of(prefix: str) -> tuple[str, int]:
        version = lines.get(f"{prefix}.version_text", "").strip('"')
        names = (f"{prefix}.update_rejected", f"{prefix}.update_failure")
        return version, sum(int(lines.get(name, "0")) for name in names)

    clusters, clusters_refused = of("cluster_manager.cds")
    routes, routes_refused = of(f"http.{xds.STAT_PREFIX}.rds.{xds.ROUTE_CONFIGURATION}")
    return Applied(clusters, routes, clusters_refused, routes_refused)


def read_statistics(document: Mapping[str, Any]) -> Reading:
    """Reads `/stats?format=json&histogram_buckets=cumulative`.

    Names look like ``dohyo.requests.cluster.shop/satisfaction/v13/http.code.200``; no part of a
    cluster's name holds a dot.
    """
    requests: dict[tuple[str, str], int] = {}
    microseconds: dict[tuple[str, str], int] = {}
    durations: dict[tuple[str, str], tuple[int, ...]] = {}
    clusters: dict[tuple[str, str], int] = {}
    uptime = changes = 0
    for entry in document["stats"]:
        for histogram in entry.get("histograms", ()):
            _, _, _, cluster, _, code = histogram["name"].split(".", 5)
            durations[cluster, code] = tuple(b["cumulative"] for b in histogram["buckets"])
        if "name" not in entry:
            continue
        kind, rest = entry["name"].split(".", 1)
        value = int(entry["value"])
        if kind == COUNTED:
            name, _, cluster, _, code = rest.split(".", 4)
            (requests if name == "requests" else microseconds)[cluster, code] = value
        elif kind == "cluster":
            cluster, name = rest.split(".", 1)
            clusters[cluster, name] = value
        elif kind == "listener_manager":
            changes += value
        else:
            uptime = value
    return Reading(uptime, requests, microseconds, durations, clusters, changes)
