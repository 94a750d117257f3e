"""The nodes: made by kind, started again after the engine ended, looked at."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cluster import (
    base_images,
    kind_config,
    kubernetes_api,
    node_image,
    paths,
    products,
    programs,
    versions,
)
from cluster.errors import ClusterError
from cluster.kind_config import LOOPBACK, Layout
from cluster.progress import say, step

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.engine import Engine

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"
OWN_LABEL = f'"{CLUSTER_LABEL}":"{paths.CLUSTER_NAME}"'  # as Docker writes it down
NETWORK = "kind"
START_LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Node:
    """A container that is a node of the cluster; `role` is `control-plane` or `worker`."""

    name: str
    role: str
    running: bool


@dataclass(frozen=True)
class NodeImage:
    """The image of the nodes, and whether we made it."""

    name: str
    own: bool


def found(engine: Engine) -> list[Node]:
    """The nodes there are, running or not, the control plane first."""
    lines = engine.docker(
        *("ps", "--all", "--filter", f"label={CLUSTER_LABEL}={paths.CLUSTER_NAME}"),
        *("--format", f'{{{{.Names}}}} {{{{.Label "{ROLE_LABEL}"}}}} {{{{.State}}}}'),
    ).splitlines()
    parts = (line.split() for line in lines)
    nodes = [Node(name, role, state == "running") for name, role, state in parts]
    return sorted(nodes, key=lambda node: (node.role, node.name))


def started(engine: Engine) -> dict[str, datetime]:
    """When each node last started."""
    names = [node.name for node in found(engine)]
    times = engine.docker("inspect", "--format", "{{.State.StartedAt}}", *names).split()
    return {name: datetime.fromisoformat(time) for name, time in zip(names, times, strict=True)}


def start(engine: Engine, nodes: list[Node]) -> bool:
    """Starts the nodes that stand still; whether all could be started."""
    still = [node.name for node in nodes if not node.running]
    if not still:
        return True
    say(f"start the nodes {', '.join(still)} again")
    # One at a time, in the order in which kind made them: they get their addresses back.
    return all(engine.tries("start", name, limit_seconds=START_LIMIT_SECONDS) for name in still)


def choose_image(engine: Engine) -> NodeImage:
    """Kind's own node image if it is here or can be pulled, else ours, made if need be."""
    if engine.image_id(node_image.name()) is not None:
        return NodeImage(node_image.name(), own=True)
    stock = versions.KIND_NODE
    if engine.image_id(stock) is not None or base_images.pull(engine, stock):
        return NodeImage(stock, own=False)
    say(f"{stock} cannot be pulled")
    return NodeImage(node_image.ensure(engine), own=True)


def check_ports(ports: dict[int, int]) -> None:
    """Raises ClusterError if a port that the cluster is to publish is taken."""
    for node_port, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                variable = kind_config.PUBLISHED[node_port]
                raise ClusterError(
                    f"{LOOPBACK}:{port} cannot be published ({error.strerror}): end the program "
                    f"that holds it (`ss -ltnp`), or choose another port with {variable}=…"
                ) from error


def create(engine: Engine, kind: str, workers: int) -> None:
    """Makes the cluster, whole: nodes joined, pod network up, DNS answering.

    Raises:
        ClusterError: it cannot be made, for instance because a port is taken; with the way out.
    """
    ports = kind_config.ports(os.environ)
    check_ports(ports)
    image = choose_image(engine)
    layout = Layout(workers=workers, ports=ports, own_network=image.own)
    # Kind would add to what another cluster left there.
    paths.KUBECONFIG.unlink(missing_ok=True)
    with step(f"kind create cluster: one control plane, {workers} workers", 25 + 3 * workers):
        _kind(
            engine,
            [kind, "create", "cluster", "--image", image.name, "--config", "-"],
            kind_config.render(layout),
        )
    with step("pod network and DNS", 15):
        if image.own:
            manifest = paths.PACKAGE / "manifests" / "podroutes.yaml"
            kubernetes_api.kubectl("apply", "--filename", str(manifest))
        trouble = kubernetes_api.trouble(started(engine))
        if trouble:
            raise ClusterError(f"the new cluster does not work: {trouble}; run `up` again")
    kubernetes_api.mark_complete({"workers": str(workers), "image": image.name})


def _kind(
    engine: Engine,
    command: list[str],
    standard_input: str | None = None,
    kubeconfig: Path = paths.KUBECONFIG,
) -> None:
    """Runs kind on our engine and our kubeconfig only; it must never fall back to the user's."""
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    own = ["--name", paths.CLUSTER_NAME, "--kubeconfig", str(kubeconfig)]
    environment = {**engine.environment, "KIND_EXPERIMENTAL_PROVIDER": "docker"}
    programs.run(
        [*command, *own], programs.Surroundings(environment=environment, input=standard_input)
    )


def export_kubeconfig(engine: Engine, kind: str) -> None:
    """Writes the cluster's kubeconfig anew; whoever reads it meanwhile finds the old or the new."""
    with products.file_in_making(paths.KUBECONFIG) as unfinished:
        _kind(engine, [kind, "export", "kubeconfig"], kubeconfig=unfinished)


def delete(engine: Engine, kind: str) -> None:
    """Removes the nodes and their volumes; and kind's network, unless other clusters use it."""
    with step("delete the cluster", 5):
        _kind(engine, [kind, "delete", "cluster"])
        engine.tries("network", "rm", NETWORK)
        paths.KUBECONFIG.unlink(missing_ok=True)


def published_ports(engine: Engine, control_plane: str) -> dict[int, int]:
    """NodePort to the port of this machine, of a running control plane."""
    listed = json.loads(
        engine.docker("inspect", "--format", "{{json .HostConfig.PortBindings}}", control_plane)
    )
    bindings = {int(inside.split("/")[0]): int(to[0]["HostPort"]) for inside, to in listed.items()}
    return {port: bindings[port] for port in kind_config.PUBLISHED if port in bindings}
