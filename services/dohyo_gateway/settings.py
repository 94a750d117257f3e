"""The agent's environment → typed settings; every mistake is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dohyo.contract import logs
from dohyo.contract.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Settings:
    """How this agent is to work.

    Attributes:
        namespace: its own, and its Service's.
        pod: its own name.
        watch_namespaces: whose ModelDeployments it serves; empty serves all.
        service: the gateway's Service.
        cluster_domain: of the cluster's names, without dots at its ends.
        pin_allowed: whether a request may name its version.
        evidence: host and port of the evidence service; empty without one.
        folder: shared with Envoy.
        admin: URL of Envoy's admin interface.
        drain_seconds: for how long a cluster outlives its last route.
        max_connections, max_heap_bytes: of Envoy.
        log_level: debug, info, warning or error.
        kubeconfig: for an agent outside of the cluster; None uses the pod's account.
        master_keys: folder of the installation's keys; None where there are none.
        witness_folder: that Envoy writes bad answers to.
        pages_address: that the agent's own pages are bound to; None binds every address.
    """

    namespace: str
    pod: str
    watch_namespaces: tuple[str, ...]
    service: str
    cluster_domain: str
    pin_allowed: bool
    evidence: str
    folder: Path
    admin: str
    drain_seconds: float
    max_connections: int
    max_heap_bytes: int | None
    log_level: str
    kubeconfig: Path | None
    pages_address: str | None = None
    master_keys: Path | None = None
    witness_folder: Path = Path()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads the variables whose names start with DOHYO_.

    Raises:
        VariableError: one of them cannot be used.
    """
    get = Environment(environment)
    heap = get.amount("DOHYO_ENVOY_MAX_HEAP_BYTES", 0)
    kubeconfig = get.text("DOHYO_KUBECONFIG", "")
    master_keys = get.text("DOHYO_MASTER_KEYS", "")
    folder = get.text("DOHYO_ENVOY_FOLDER", "/var/run/dohyo/envoy")
    return Settings(
        namespace=get.required("DOHYO_NAMESPACE"),
        pod=get.required("DOHYO_POD_NAME"),
        watch_namespaces=tuple(sorted(get.names("DOHYO_WATCH_NAMESPACES"))),
        service=get.text("DOHYO_GATEWAY_SERVICE", "dohyo-gateway"),
        cluster_domain=get.text("DOHYO_CLUSTER_DOMAIN", "cluster.local").strip("."),
        pin_allowed=get.flag("DOHYO_PIN_ALLOWED", default=True),
        evidence=get.address("DOHYO_EVIDENCE_ADDRESS"),
        folder=Path(folder),
        admin=get.text("DOHYO_ENVOY_ADMIN", "http://127.0.0.1:9901").rstrip("/"),
        drain_seconds=get.seconds("DOHYO_DRAIN_SECONDS", 30),
        max_connections=int(get.amount("DOHYO_ENVOY_MAX_CONNECTIONS", 50_000)),
        max_heap_bytes=int(heap) or None,
        log_level=get.choice("DOHYO_LOG_LEVEL", logs.LEVELS, "info"),
        kubeconfig=Path(kubeconfig) if kubeconfig else None,
        pages_address=get.text("DOHYO_AGENT_ADDRESS", "") or None,
        master_keys=Path(master_keys) if master_keys else None,
        witness_folder=Path(get.text("DOHYO_WITNESS_FOLDER", folder)),
    )
