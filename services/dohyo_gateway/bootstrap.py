"""What Envoy starts with and keeps for life: its one listener, its limits, where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import GATEWAY_PORT, HEADER_DEPLOYMENT, HEADER_VERSION
from dohyo_gateway import feedback, witness_log, xds
from dohyo_gateway.routes import STREAM_IDLE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

BOOTSTRAP_FILE: Final = "bootstrap.json"
CLUSTER_FILE: Final = "cds/clusters.json"
ROUTE_FILE: Final = "rds/routes.json"

ADMIN_PORT: Final = 9901

# Prefix of the statistics that the access log makes (see `_access_log`).
COUNTED: Final = "dohyo"

# Upper bounds in seconds; the last stands for infinity.
DURATION_BOUNDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    float("inf"),
)
_INFINITE_MICROSECONDS: Final = 1e15

_IPPROTO_TCP: Final = 6
_TCP_USER_TIMEOUT: Final = 18
_UNACKNOWLEDGED: Final = {
    "socket_options": [
        {
            "description": "give up a connection whose bytes nobody acknowledges",
            "level": _IPPROTO_TCP,
            "name": _TCP_USER_TIMEOUT,
            "int_value": 5000,
            "state": "STATE_PREBIND",
        }
    ]
}

# Everything else that Envoy could count is neither kept nor computed.
_KEPT_STATISTICS: Final = (
    rf"({COUNTED}\..*"
    r"|cluster\..*\.(upstream_rq_active|upstream_rq_pending_active|upstream_rq_retry"
    r"|upstream_rq_total|outlier_detection\.ejections_(active|enforced_total))"
    rf"|cluster_manager\..*|http\.{xds.STAT_PREFIX}\.(rds\..*|downstream_(cx|rq)_(active|total))"
    r"|listener_manager\..*|server\..*|overload\..*)"
)


@dataclass(frozen=True)
class Listening:
    """Where Envoy listens, and how much it takes on.

    Attributes:
        address, port: for requests.
        admin_port: on 127.0.0.1 alone.
        max_connections: of clients; more are refused.
        max_heap_bytes: above 90 % Envoy gives memory back, above 95 % it refuses requests;
            None sets no limit.
        max_header_kilobytes: of a request; more gets 431.
    """

    address: str = "0.0.0.0"  # noqa: S104 - the gateway's one open door
    port: int = GATEWAY_PORT
    admin_port: int = ADMIN_PORT
    max_connections: int = 50_000
    max_heap_bytes: int | None = None
    max_header_kilobytes: int = 60


@dataclass(frozen=True)
class Evidence:
    """Where evidence goes.

    Attributes:
        address: host and port of the evidence service.
        folder: that bad answers are written to, for the agent to pass on.
    """

    address: str
    folder: Path


def bootstrap(
    folder: Path, listening: Listening, node: str, evidence: Evidence | None = None
) -> dict[str, Any]:
    """Envoy's bootstrap.

    Args:
        folder: that `CLUSTER_FILE` and `ROUTE_FILE` stand in.
        listening: ports and limits.
        node: names this Envoy.
        evidence: where it goes; None where nobody keeps any.
    """
    admin = {"address": _address("127.0.0.1", listening.admin_port)}
    return {
        "node": {"id": node, "cluster": "dohyo-gateway"},
        "admin": admin,
        "static_resources": {
            "listeners": [_listener(folder, listening, evidence)],
            "clusters": feedback.clusters(evidence.address if evidence else ""),
        },
        "cluster_manager": {"upstream_bind_config": _UNACKNOWLEDGED},
        "dynamic_resources": {"cds_config": _source(folder / CLUSTER_FILE)},
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_flush_interval": "1s",
        "stats_config": {
            "stats_matcher": {
                "inclusion_list": {"patterns": [{"safe_regex": {"regex": _KEPT_STATISTICS}}]}
            },
            "histogram_bucket_settings": [
                {"match": {"prefix": COUNTED + "."}, "buckets": _bounds()}
            ],
        },
        "overload_manager": _overload_manager(listening),
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _bounds() -> list[float]:
    return [min(bound * 1e6, _INFINITE_MICROSECONDS) for bound in DURATION_BOUNDS]


def _source(path: Path) -> dict[str, Any]:
    return {
        "path_config_source": {
            "path": str(path),
            "watched_directory": {"path": str(path.parent)},
        },
        "resource_api_version": "V3",
    }


def _listener(folder: Path, listening: Listening, evidence: Evidence | None) -> dict[str, Any]:
    witnessed = [witness_log.access_log(evidence.folder)] if evidence else []
    manager = xds.typed(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=xds.STAT_PREFIX,
        codec_type="AUTO",
        rds={
            "route_config_name": xds.ROUTE_CONFIGURATION,
            "config_source": _source(folder / ROUTE_FILE),
        },
        **_identity(),
        **_limits(listening),
        access_log=[_access_log(), *witnessed],
        local_reply_config=_local_replies(),
        http_filters=[
            _trailing_version(),
            xds.typed(
                "envoy.filters.http.router",
                "envoy.extensions.filters.http.router.v3.Router",
                suppress_envoy_headers=True,
            ),
        ],
    )
    return {
        "name": "requests",
        "address": _address(listening.address, listening.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [{"filters": [manager]}],
    }


def _trailing_version() -> dict[str, Any]:
    """Says who answered in a gRPC answer's trailing metadata as well; a version's word is replaced.

    HTTP/1.1 has no trailers here, and an answer of trailers alone has its headers for them.
    """
    version = f"%CLUSTER_METADATA({xds.METADATA}:{xds.METADATA_ANSWERS})%"
    return xds.typed(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={
            "response_trailers_mutations": [{"append": xds.overwrite(HEADER_VERSION, version)}]
        },
    )


def _identity() -> dict[str, Any]:
    """Who the client is, what it asked for, and under which id."""
    deployment = {
        "header": {"key": HEADER_DEPLOYMENT, "value": "%REQ(:AUTHORITY)%"},
        "append_action": "ADD_IF_ABSENT",
    }
    # Every client is a stranger: it may not steer Envoy by x-envoy headers.
    return {
        "server_name": "dohyo",
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "normalize_path": True,
        "strip_any_host_port": True,
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": xds.TYPE + "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
                "use_request_id_for_trace_sampling": False,
            }
        },
        "early_header_mutation_extensions": [
            xds.typed(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[
                    {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}},
                    {"append": deployment},
                ],
            )
        ],
    }


def _limits(listening: Listening) -> dict[str, Any]:
    return {
        "max_request_headers_kb": listening.max_header_kilobytes,
        "request_headers_timeout": "10s",
        "stream_idle_timeout": f"{STREAM_IDLE_SECONDS}s",
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "ALLOW",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 1000,
            "initial_stream_window_size": 1 << 20,
            "initial_connection_window_size": 4 << 20,
        },
    }


def _access_log() -> dict[str, Any]:
    """Counts every final answer by cluster and code, with its duration in microseconds.

    The code is the gRPC status of a gRPC answer, else the HTTP status, and 0 of a client that left
    before the first byte. Such a request has no last byte, so its duration comes in milliseconds.
    """
    status = {"command": "GRPC_STATUS", "param": "SNAKE_STRING"}
    tags = [
        {"name": "cluster", "value_format": "%UPSTREAM_CLUSTER_RAW%"},
        {"name": "code", "value_format": xds.coalesce(status, "RESPONSE_CODE")},
    ]
    whole = {"command": "COMMON_DURATION", "param": "DS_RX_BEG:DS_TX_END:us"}
    duration = xds.coalesce(whole, "DURATION")
    return xds.typed(
        "envoy.access_loggers.stats",
        "envoy.extensions.access_loggers.stats.v3.Config",
        stats_scope={"prefix": COUNTED},
        counters=[
            {"stat": {"name": "requests", "tags": tags}, "value_fixed": 1},
            {"stat": {"name": "microseconds", "tags": tags}, "value_format": duration},
        ],
        histograms=[
            {
                "stat": {"name": "duration", "tags": tags},
                "unit": "Microseconds",
                "value_format": duration,
            }
        ],
    )


def _local_replies() -> dict[str, Any]:
    """Tells a client when to come back if a version has no endpoint."""
    retry_after = xds.overwrite("retry-after", "5")
    return {
        "mappers": [
            {
                "filter": {"response_flag_filter": {"flags": ["UH"]}},
                "headers_to_add": [retry_after],
            }
        ]
    }


def _overload_manager(listening: Listening) -> dict[str, Any]:
    connections = xds.typed(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=listening.max_connections,
    )
    if listening.max_heap_bytes is None:
        return {"resource_monitors": [connections]}
    name = "envoy.resource_monitors.fixed_heap"
    heap = xds.typed(
        name,
        "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
        max_heap_size_bytes=listening.max_heap_bytes,
    )
    actions = [
        {"name": f"envoy.overload_actions.{action}", "triggers": [_above(name, share)]}
        for action, share in (("shrink_heap", 0.9), ("stop_accepting_requests", 0.95))
    ]
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [connections, heap],
        "actions": actions,
    }


def _above(monitor: str, share: float) -> dict[str, Any]:
    return {"name": monitor, "threshold": {"value": share}}
