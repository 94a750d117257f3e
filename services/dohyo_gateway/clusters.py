"""The versions' endpoints → Envoy's clusters, with their circuit breakers and ejection.

Endpoints stand in the clusters themselves, not in EDS files: Envoy opens an inotify instance for
every file-based EDS subscription, Linux allows 128 of them per user and node, and Envoy ends itself
at the next. A cluster whose endpoints change is replaced; requests in flight finish on the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import MODE_FALLBACK
from dohyo_gateway import xds
from dohyo_gateway.endpoints import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract import RoutedVersion, RoutingTable
    from dohyo_gateway.endpoints import Address, Endpoints

_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# Below the 5 s after which uvicorn, and so BentoML, closes an idle connection: nobody may send a
# request into a connection that its pod is about to close.
HTTP_IDLE_SECONDS: Final = 4
GRPC_IDLE_SECONDS: Final = 300

_LIVE_BREAKER: Final = {
    "max_connections": 4096,
    "max_pending_requests": 4096,
    "max_requests": 4096,
    # A dying pod takes all its requests with it at once; each may be repeated.
    "retry_budget": {"budget_percent": {"value": 50}, "min_retry_concurrency": 128},
}
# What a shadow cannot take in time is dropped; nobody waits for it.
_SHADOW_BREAKER: Final = {
    "max_connections": 128,
    "max_pending_requests": 128,
    "max_requests": 256,
    "retry_budget": {"budget_percent": {"value": 0}, "min_retry_concurrency": 0},
}
# Answers 502, 503 and 504 and broken connections eject; an application's own 500 does not.
_OUTLIERS: Final = {
    "consecutive_gateway_failure": 5,
    "enforcing_consecutive_gateway_failure": 100,
    "enforcing_consecutive_5xx": 0,
    "enforcing_success_rate": 0,
    "interval": "2s",
    "base_ejection_time": "5s",
    "max_ejection_time": "60s",
    "max_ejection_percent": 50,
}
# A node that vanished is noticed within 10 s.
_KEEPALIVE: Final = {
    "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 4, "keepalive_interval": 2}
}


@dataclass(frozen=True)
class Cluster:
    """One cluster resource.

    Attributes:
        resource: as Envoy's API wants it.
        size: number of endpoints.
    """

    resource: dict[str, Any]
    size: int


def clusters(
    key: str, table: RoutingTable, endpoints: Mapping[str, Endpoints]
) -> dict[str, Cluster]:
    """All clusters of one ModelDeployment, by name.

    Args:
        key: "namespace/name".
        table: its routing table.
        endpoints: by Service name; an absent Service has none.
    """
    champion = table.champion
    found: dict[str, Cluster] = {}
    for version in table.versions:
        own = addresses(version, table, endpoints)
        for protocol in xds.PROTOCOLS:
            target = _Target(key, version.name, version.name, protocol)
            _put(found, target, xds.LIVE, own[protocol])
            if version.shadow:
                _put(found, target, xds.SHADOW, own[protocol])
            if version.buckets and not own[xds.HTTP] and not own[xds.GRPC]:
                target = _Target(key, version.name, champion.name, protocol)
                rescue = addresses(champion, table, endpoints)[protocol]
                _put(found, target, xds.FALLBACK, rescue)
    return found


def addresses(
    version: RoutedVersion, table: RoutingTable, endpoints: Mapping[str, Endpoints]
) -> dict[str, tuple[Address, ...]]:
    """The addresses that a version's requests go to, by protocol.

    The champion, whom nobody stands in for, takes closing pods over no pods.
    """
    own = endpoints.get(version.service, NOWHERE)
    if version.name == table.champion.name and not own.http and not own.grpc:
        return {xds.HTTP: own.closing_http, xds.GRPC: own.closing_grpc}
    return {xds.HTTP: own.http, xds.GRPC: own.grpc}


@dataclass(frozen=True)
class _Target:
    key: str
    assigned: str
    answers: str
    protocol: str


def _put(
    found: dict[str, Cluster], target: _Target, purpose: str, hosts: tuple[Address, ...]
) -> None:
    name = xds.cluster_name(target.key, target.assigned, target.protocol, purpose)
    breaker = _SHADOW_BREAKER if purpose == xds.SHADOW else _LIVE_BREAKER
    known = {xds.METADATA_ASSIGNED: target.assigned, xds.METADATA_ANSWERS: target.answers}
    if purpose == xds.FALLBACK:
        known[xds.METADATA_MODE] = MODE_FALLBACK
    # The default connects within 5 s: too long for a pod that is gone.
    resource = {
        "@type": xds.TYPE + "envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(host) for host in hosts]}],
        },
        "circuit_breakers": {"thresholds": [breaker]},
        "outlier_detection": _OUTLIERS,
        "upstream_connection_options": _KEEPALIVE,
        "typed_extension_protocol_options": {_OPTIONS: _protocol_options(target.protocol)},
        "metadata": {"filter_metadata": {xds.METADATA: known}},
    }
    found[name] = Cluster(resource, len(hosts))


def _endpoint(host: Address) -> dict[str, Any]:
    address = {"address": host.host, "port_value": host.port}
    return {"endpoint": {"address": {"socket_address": address}}}


def _protocol_options(protocol: str) -> dict[str, Any]:
    grpc = protocol == xds.GRPC
    idle = GRPC_IDLE_SECONDS if grpc else HTTP_IDLE_SECONDS
    explicit: dict[str, Any] = (
        {"http2_protocol_options": {}} if grpc else {"http_protocol_options": {}}
    )
    options: dict[str, Any] = {
        "@type": xds.TYPE + _OPTIONS,
        "common_http_protocol_options": {"idle_timeout": f"{idle}s"},
        "explicit_http_config": explicit,
    }
    return options
