"""Feedback on predictions → the evidence service, at the addresses of the models themselves.

The cluster is one of those that Envoy starts with and looks up by name: it belongs to no
ModelDeployment, is never drained, and an evidence service that is away costs 503 on feedback alone.
"""

from __future__ import annotations

from typing import Any, Final

from dohyo.contract.arrivals import FEEDBACK_PATH

CLUSTER: Final = "evidence"
PATH: Final = "feedback"
_SECONDS: Final = 15
_BREAKER: Final = {"max_connections": 256, "max_pending_requests": 256, "max_requests": 256}


def clusters(address: str) -> list[dict[str, Any]]:
    """The evidence service as a cluster; none without an address.

    Args:
        address: host and port.
    """
    if not address:
        return []
    host, _, port = address.rpartition(":")
    place = {"socket_address": {"address": host, "port_value": int(port)}}
    return [
        {
            "name": CLUSTER,
            "type": "STRICT_DNS",
            "connect_timeout": "2s",
            "circuit_breakers": {"thresholds": [_BREAKER]},
            "load_assignment": {
                "cluster_name": CLUSTER,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": place}}]}],
            },
        }
    ]


def route(prefix: str) -> dict[str, Any]:
    """Answers POSTs to the path ``feedback`` below a prefix; it stands before all others.

    A model has the path for other methods.
    """
    method = {"name": ":method", "string_match": {"exact": "POST"}}
    return {
        "name": PATH,
        "match": {"path": f"{prefix}{PATH}", "headers": [method]},
        "route": {
            "cluster": CLUSTER,
            "timeout": f"{_SECONDS}s",
            "prefix_rewrite": FEEDBACK_PATH,
        },
    }
