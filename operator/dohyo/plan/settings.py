"""What an installation decides for all its ModelDeployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ScalingWindows:
    """How far back scaling looks, in seconds.

    Attributes:
        stable: the window that decides in quiet times.
        panic: the short window that may only scale up, when load at least doubles.
        scale_down_delay: replicas fall only to what was enough for this whole time.
    """

    stable: float = 60.0
    panic: float = 6.0
    scale_down_delay: float = 30.0

    @property
    def kept_seconds(self) -> float:
        """How far back samples are looked at, and a few looks more."""
        return self.stable + self.scale_down_delay + 10.0


@dataclass(frozen=True)
class Runtime:
    """How bentos that a uri leads to are fetched and run, and what every bento is told.

    Attributes:
        image: that serves any bento which fits its libraries; empty when there is none.
        pull_policy: of that image.
        image_volumes: whether the cluster mounts images as volumes, so that oci needs no fetching.
        cache: a Kubernetes volume source, shared by the pods of a node; empty is no cache.
        cache_gigabytes: of all archives in the cache.
        most_bento_gigabytes: of one archive.
        plain_registries: registries without TLS, as host:port.
        has_keys: whether every namespace has the Secret with its keys.
        evidence_url: where bentos ship their records; empty is nowhere.
    """

    image: str = ""
    pull_policy: str = "IfNotPresent"
    image_volumes: bool = False
    cache: Mapping[str, Any] = field(default_factory=dict)
    cache_gigabytes: int = 20
    most_bento_gigabytes: int = 16
    plain_registries: tuple[str, ...] = ()
    has_keys: bool = False
    evidence_url: str = ""


@dataclass(frozen=True)
class Settings:
    """The operator's configuration as far as planning depends on it.

    Attributes:
        gateway_service: name of the Service in front of the gateway pods.
        gateway_namespace: where that Service lives; the operator's own namespace.
        cluster_domain: DNS domain of the cluster.
        drain_seconds: from a version's last routed request to its removal, and how long a pod
            waits between leaving the endpoints and being told to end.
        allow_host_access: lets pod templates ask for host paths, host namespaces, privileges
            and service accounts of their own.
        windows: of scaling by load.
        warm_seconds: how long the loser of a bout is kept running, so that going back is instant.
        runtime: of bentos.
    """

    gateway_service: str = "dohyo-gateway"
    gateway_namespace: str = "dohyo-system"
    cluster_domain: str = "cluster.local"
    drain_seconds: float = 10.0
    allow_host_access: bool = False
    windows: ScalingWindows = field(default_factory=ScalingWindows)
    warm_seconds: float = 600.0
    runtime: Runtime = field(default_factory=Runtime)

    @property
    def gateway_host(self) -> str:
        return f"{self.gateway_service}.{self.gateway_namespace}.svc.{self.cluster_domain}"
