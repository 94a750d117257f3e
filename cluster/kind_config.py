"""The configuration that kind creates the cluster from; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster import paths
from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
POD_NETWORK = "10.244.0.0/16"  # also in the node's masquerade unit
# NodePort in the cluster to the variable that moves its port on this machine.
PUBLISHED: Mapping[int, str] = {30080: "DOHYO_GATEWAY_PORT", 30090: "DOHYO_SPARE_PORT"}
HIGHEST_PORT = 65535
PODS_PER_NODE = 250


@dataclass(frozen=True)
class Layout:
    """What the cluster consists of: workers beside one control plane, NodePort to host port.

    `own_network`: the node image brings its pod network; kind installs none.
    """

    workers: int
    ports: Mapping[int, int] = field(default_factory=dict)
    own_network: bool = False


def ports(environment: Mapping[str, str]) -> dict[int, int]:
    """NodePort to host port, from the environment or the same number.

    Raises:
        ClusterError: a variable holds no port; says which.
    """
    chosen = {}
    for node_port, variable in PUBLISHED.items():
        value = environment.get(variable) or str(node_port)
        if not value.isdigit() or not 0 < int(value) <= HIGHEST_PORT:
            raise ClusterError(f"{variable}={value}: give a port number, 1 to {HIGHEST_PORT}")
        chosen[node_port] = int(value)
    return chosen


def render(layout: Layout) -> str:
    """The configuration as JSON, which is YAML too."""
    published = [
        {
            "containerPort": node_port,
            "hostPort": host_port,
            "listenAddress": LOOPBACK,
            "protocol": "TCP",
        }
        for node_port, host_port in layout.ports.items()
    ]
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": paths.CLUSTER_NAME,
        "networking": {
            "apiServerAddress": LOOPBACK,
            "podSubnet": POD_NETWORK,
            "disableDefaultCNI": layout.own_network,
        },
        "kubeadmConfigPatches": [json.dumps(patch) for patch in _kubeadm_patches()],
        "nodes": [
            {"role": "control-plane", "extraPortMappings": published},
            *({"role": "worker"} for _ in range(layout.workers)),
        ],
    }
    return json.dumps(document, indent=1)


def _kubeadm_patches() -> list[dict[str, object]]:
    return [
        {
            # Nobody keeps data in this cluster that must survive a power cut, and waiting for the
            # disk at every write makes etcd, thus every API call, slow on a shared machine.
            "kind": "ClusterConfiguration",
            "apiVersion": "kubeadm.k8s.io/v1beta3",
            "etcd": {"local": {"extraArgs": {"unsafe-no-fsync": "true"}}},
        },
        {
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "maxPods": PODS_PER_NODE,
        },
    ]
