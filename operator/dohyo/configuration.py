"""Environment and flags → what one operator process is told."""

from __future__ import annotations

import argparse
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dohyo.cluster.evidence import Sources
from dohyo.contract import OPERATOR_PORT, logs
from dohyo.contract.environment import Environment
from dohyo.plan.settings import Runtime, ScalingWindows, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo.logs import Format

_FORMATS = ("logfmt", "json")
_PULL_POLICIES = ("always", "ifnotpresent", "never")


@dataclass(frozen=True)
class Configuration:
    """What one operator process is told.

    Attributes:
        settings: what planning depends on.
        namespace: the operator's own; Lease and gateway live there.
        lease: name of the Lease.
        identity: of this process among all candidates.
        watched: namespaces; empty is all of them.
        gateways: ``host:port`` of gateway agents, for an operator outside the cluster.
        master_keys: folder of the keys that those of every namespace are derived from, or None.
        kubeconfig: path, or None.
        port: of /livez, /readyz and /metrics; 0 is any that is free.
        workers: reconciles at the same time.
        batch: whether BatchPredictions are carried out.
        log_level, log_format: of the log.
        sources: whom to ask about trials.
    """

    settings: Settings
    namespace: str
    lease: str
    identity: str
    watched: tuple[str, ...]
    gateways: tuple[str, ...]
    master_keys: Path | None
    kubeconfig: str | None
    port: int
    workers: int
    batch: bool
    log_level: str
    log_format: Format
    sources: Sources

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """Namespaces to list and watch; one None for all."""
        return self.watched or (None,)


def configuration(arguments: Sequence[str], environ: Mapping[str, str]) -> Configuration:
    """Reads flags, which go before variables.

    Raises:
        VariableError: a value cannot be used; says which, and what can.
        SystemExit: for --help, or for a flag that does not exist.
    """
    flags = _parser().parse_args(arguments)
    read = Environment(environ)
    namespace = read.text("DOHYO_NAMESPACE", "dohyo-system")
    windows = ScalingWindows(
        stable=read.seconds("DOHYO_SCALING_STABLE_SECONDS", 60.0),
        panic=read.seconds("DOHYO_SCALING_PANIC_SECONDS", 6.0),
        scale_down_delay=read.seconds("DOHYO_SCALING_DOWN_DELAY_SECONDS", 30.0),
    )
    settings = Settings(
        gateway_service=read.text("DOHYO_GATEWAY_SERVICE", "dohyo-gateway"),
        gateway_namespace=namespace,
        cluster_domain=read.text("DOHYO_CLUSTER_DOMAIN", "cluster.local"),
        drain_seconds=read.seconds("DOHYO_DRAIN_SECONDS", 10.0),
        allow_host_access=read.flag("DOHYO_ALLOW_HOST_ACCESS", default=False),
        windows=windows,
        warm_seconds=read.seconds("DOHYO_WARM_SECONDS", 600.0),
        runtime=_runtime(read),
    )
    master_keys = read.text("DOHYO_MASTER_KEYS", "")
    host = read.text("DOHYO_POD_NAME", socket.gethostname())
    return Configuration(
        settings=settings,
        namespace=namespace,
        lease=read.text("DOHYO_LEASE", "dohyo-operator"),
        identity=f"{host}_{uuid.uuid4().hex[:8]}",
        watched=read.names("DOHYO_WATCH_NAMESPACES"),
        gateways=read.names("DOHYO_GATEWAYS"),
        master_keys=Path(master_keys) if master_keys else None,
        kubeconfig=flags.kubeconfig,
        port=flags.port if flags.port is not None else read.whole("DOHYO_PORT", OPERATOR_PORT),
        workers=read.whole("DOHYO_WORKERS", 16),
        batch=read.flag("DOHYO_BATCH", default=True),
        log_level=read.choice("DOHYO_LOG_LEVEL", logs.LEVELS, "info"),
        log_format=cast("Format", read.choice("DOHYO_LOG_FORMAT", _FORMATS, "logfmt")),
        sources=Sources(
            evidence=read.url("DOHYO_EVIDENCE_URL"),
            prometheus=read.url("DOHYO_PROMETHEUS_URL"),
            period_seconds=max(0.1, read.seconds("DOHYO_EVIDENCE_SECONDS", 5.0)),
            keys=Path(master_keys) if master_keys else None,
        ),
    )


def _runtime(read: Environment) -> Runtime:
    """What the installation says of bentos."""
    policy = read.choice("DOHYO_RUNTIME_PULL_POLICY", _PULL_POLICIES, "IfNotPresent")
    spelled = {name.lower(): name for name in ("Always", "IfNotPresent", "Never")}
    return Runtime(
        image=read.text("DOHYO_RUNTIME_IMAGE", ""),
        pull_policy=spelled[policy.lower()],
        image_volumes=read.flag("DOHYO_IMAGE_VOLUMES", default=False),
        cache=read.json_map("DOHYO_BENTO_CACHE"),
        cache_gigabytes=read.whole("DOHYO_BENTO_CACHE_GIGABYTES", 20),
        most_bento_gigabytes=read.whole("DOHYO_MOST_BENTO_GIGABYTES", 16),
        plain_registries=read.names("DOHYO_PLAIN_REGISTRIES"),
        has_keys=bool(read.text("DOHYO_MASTER_KEYS", "")),
        evidence_url=read.url("DOHYO_EVIDENCE_URL"),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dohyo-operator", description="Carries out ModelDeployments in a Kubernetes cluster."
    )
    parser.add_argument(
        "--kubeconfig", help="file to log in with (default: the pod's account, or KUBECONFIG)"
    )
    parser.add_argument(
        "--port", type=int, help=f"port of /livez, /readyz, /metrics (default: {OPERATOR_PORT})"
    )
    return parser


def from_process(arguments: Sequence[str]) -> Configuration:
    """`configuration` of this process."""
    return configuration(arguments, os.environ)
