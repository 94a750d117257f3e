"""The agent's environment → typed settings; every mistake is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_YES: Final = ("true", "1", "yes", "on")
_NO: Final = ("false", "0", "no", "off")


class SettingsError(Exception):
    """A variable of the environment is missing or unusable."""


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
        SettingsError: one of them cannot be used.
    """
    get = _Reader(environment)
    names = get.text("DOHYO_WATCH_NAMESPACES", "")
    heap = get.number("DOHYO_ENVOY_MAX_HEAP_BYTES", 0)
    kubeconfig = get.text("DOHYO_KUBECONFIG", "")
    master_keys = get.text("DOHYO_MASTER_KEYS", "")
    folder = get.text("DOHYO_ENVOY_FOLDER", "/var/run/dohyo/envoy")
    return Settings(
        namespace=get.required("DOHYO_NAMESPACE"),
        pod=get.required("DOHYO_POD_NAME"),
        watch_namespaces=tuple(sorted({n.strip() for n in names.split(",") if n.strip()})),
        service=get.text("DOHYO_GATEWAY_SERVICE", "dohyo-gateway"),
        cluster_domain=get.text("DOHYO_CLUSTER_DOMAIN", "cluster.local").strip("."),
        pin_allowed=get.flag("DOHYO_PIN_ALLOWED", default=True),
        evidence=get.address("DOHYO_EVIDENCE_ADDRESS"),
        folder=Path(folder),
        admin=get.text("DOHYO_ENVOY_ADMIN", "http://127.0.0.1:9901").rstrip("/"),
        drain_seconds=get.number("DOHYO_DRAIN_SECONDS", 30),
        max_connections=int(get.number("DOHYO_ENVOY_MAX_CONNECTIONS", 50_000)),
        max_heap_bytes=int(heap) or None,
        log_level=get.text("DOHYO_LOG_LEVEL", "info").lower(),
        kubeconfig=Path(kubeconfig) if kubeconfig else None,
        pages_address=get.text("DOHYO_AGENT_ADDRESS", "") or None,
        master_keys=Path(master_keys) if master_keys else None,
        witness_folder=Path(get.text("DOHYO_WITNESS_FOLDER", folder)),
    )


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def required(self, name: str) -> str:
        if found := self.text(name, ""):
            return found
        raise SettingsError(f"{name}: is not set; the chart sets it from the pod's metadata")

    def address(self, name: str) -> str:
        """Host and port, or nothing."""
        text = self.text(name, "")
        host, _, port = text.rpartition(":")
        if text and not (host and port.isdigit() and 0 < int(port) < 65_536):
            raise SettingsError(f"{name}: {text!r} must be <host>:<port>, or empty")
        return text

    def number(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 <= value < float("inf"):
            raise SettingsError(f"{name}: {text!r} must be a number from 0 on")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        text = self.text(name, _YES[0] if default else _NO[0]).lower()
        if text not in (*_YES, *_NO):
            raise SettingsError(f"{name}: {text!r} must be true or false")
        return text in _YES
