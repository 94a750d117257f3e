"""Volumes of one node for claims: the project's cluster has no provisioner of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import BENTO_UID
from tests.harness import commands
from tests.harness.live import Name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Live

ON_NODE = "/var/lib/dohyo-story"
SIZE = "1Gi"


@dataclass(frozen=True)
class Volume:
    """A folder of a node that a claim gets.

    Attributes:
        node: its name, which is that of its container as well.
        folder: on the node.
        claim: what the spec of the claim has to say.
    """

    node: str
    folder: str
    claim: dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A claim and the node that has its files."""

    name: str
    node: str
    folder: str

    def put(self, source: Path, place: str) -> None:
        """Copies a file or folder of this machine to a place in the claim."""
        commands.docker("cp", str(source), f"{self.node}:{self.folder}/{place}")
        commands.docker("exec", self.node, "chmod", "-R", "a+rwX", self.folder)

    def take(self, place: str, target: Path) -> None:
        """Copies a folder of the claim to this machine."""
        commands.docker("cp", f"{self.node}:{self.folder}/{place}", str(target))

    def grow(self, size: str) -> None:
        """Makes room on a disk of its own."""
        commands.docker("exec", self.node, "mount", "-o", f"remount,size={size}", self.folder)


@contextmanager
def a_claim(live: Live, namespace: str, name: str, disk: str = "") -> Iterator[Claim]:
    """A claim that everybody may write to; pods that mount it run on its node.

    Args:
        live: the cluster.
        namespace: of the claim.
        name: of the claim.
        disk: size of a disk of its own, such as 2m; empty: it shares the node's.
    """
    with volume_for(live, namespace, name) as volume, _disk(volume, disk):
        commands.docker("exec", volume.node, "chmod", "a+rwx", volume.folder)
        body = {"metadata": {"name": name}, "spec": volume.claim}
        live.create("PersistentVolumeClaim", namespace, body)
        yield Claim(name, volume.node, volume.folder)


@contextmanager
def _disk(volume: Volume, size: str) -> Iterator[None]:
    if not size:
        yield
        return
    tmpfs = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", volume.folder)
    commands.docker("exec", volume.node, *tmpfs)
    try:
        yield
    finally:
        # A pod that ends may still hold it; what it holds goes with the last of them.
        commands.docker("exec", volume.node, "umount", "--lazy", volume.folder)


@contextmanager
def volume_for(live: Live, namespace: str, claim: str) -> Iterator[Volume]:
    """A volume that no other claim gets, writable for bentos; gone with its files afterwards."""
    workers = [
        node["metadata"]["name"]
        for node in live.listed("Node")
        if "node-role.kubernetes.io/control-plane" not in node["metadata"]["labels"]
    ]
    node, volume = workers[0], f"{namespace}-{claim}"
    folder = f"{ON_NODE}/{volume}"
    commands.docker("exec", node, "install", "-d", "-o", str(BENTO_UID), folder)
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    spec = {
        **common,
        "capacity": {"storage": SIZE},
        "hostPath": {"path": folder},
        "claimRef": {"namespace": namespace, "name": claim},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
    }
    live.create("PersistentVolume", None, {"metadata": {"name": volume}, "spec": spec})
    wanted = {"volumeName": volume, "resources": {"requests": {"storage": SIZE}}}
    try:
        yield Volume(node, folder, {**common, **wanted})
    finally:
        live.delete(Name("PersistentVolume", volume))
        commands.docker("exec", node, "rm", "-rf", folder)
