"""The few words of Envoy's configuration language that several resources use."""

from __future__ import annotations

import json
from typing import Any, Final

TYPE: Final = "type.googleapis.com/"
ROUTE_CONFIGURATION: Final = "dohyo"
STAT_PREFIX: Final = "ingress"

# Under this key clusters carry what headers are stamped from.
METADATA: Final = "dohyo"
METADATA_ASSIGNED: Final = "assigned"
METADATA_ANSWERS: Final = "answers"
METADATA_MODE: Final = "mode"

HTTP: Final = "http"
GRPC: Final = "grpc"
PROTOCOLS: Final = (GRPC, HTTP)

# What a cluster is for. Each has its own connections, circuit breaker and statistics.
LIVE: Final = ""
SHADOW: Final = "-shadow"
FALLBACK: Final = "-fallback"


def cluster_name(key: str, version: str, protocol: str, purpose: str = LIVE) -> str:
    """``namespace/name/version/protocol[-purpose]``: statistics are told apart by it."""
    return f"{key}/{version}/{protocol}{purpose}"


def append(header: str, value: str) -> dict[str, Any]:
    """A header mutation that adds a value to what is there."""
    return {"header": {"key": header, "value": value}}


def overwrite(header: str, value: str) -> dict[str, Any]:
    """A header mutation that leaves exactly this value."""
    return {
        "header": {"key": header, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def coalesce(*operators: str | dict[str, str]) -> str:
    """A placeholder for the first of these that has a value."""
    return f"%COALESCE({json.dumps({'operators': operators})})%"


def typed(name: str, type_name: str, **fields: Any) -> dict[str, Any]:
    """An extension with its configuration."""
    return {"name": name, "typed_config": {"@type": TYPE + type_name, **fields}}
