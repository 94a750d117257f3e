"""The cluster's nodes as machines: stopped, started, and looked into for processes of pods."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tests.harness import commands

if TYPE_CHECKING:
    from tests.harness.live import Object


def inside(node: str, *command: str) -> str:
    """Runs a program in a node and returns its standard output."""
    return commands.docker("exec", node, *command)


def stop(node: str) -> None:
    """Takes the power from a node: no pod on it gets a chance to say goodbye."""
    commands.docker("kill", node)


def start(node: str) -> None:
    commands.docker("start", node)


def forget_connections(node: str, address: str) -> None:
    """Takes the connections to a vanished pod out of a node's table of tracked connections.

    Kubernetes leaves them in there. A client that comes from the same port again (all of ours come
    by one proxy of one address) is then led to that pod, for as long as the entry lasts, which may
    be days.
    """
    inside(node, "sh", "-c", f"conntrack --delete --reply-src {shlex.quote(address)} || true")


def running(node: str) -> bool:
    return commands.docker("inspect", "--format", "{{.State.Running}}", node).strip() == "true"


def processes(pod: Object) -> list[int]:
    """The process ids, on the pod's node, of the pod's containers (without the pause process)."""
    uid = pod["metadata"]["uid"]
    # A pod's control group carries its uid, with dashes or with underscores in their place.
    pattern = f"{uid}|{uid.replace('-', '_')}"
    script = (
        f"grep -lsE {shlex.quote(pattern)} /proc/[0-9]*/cgroup | cut -d/ -f3 |"
        " while read -r pid; do"
        ' [ "$(cat /proc/$pid/comm 2>/dev/null)" = pause ] || echo "$pid"; done'
    )
    return [int(line) for line in inside(pod["spec"]["nodeName"], "sh", "-c", script).split()]


def signal(pod: Object, name: str) -> list[int]:
    """Sends a signal to the pod's processes, as the node's kernel would; returns their ids."""
    found = processes(pod)
    if not found:
        raise AssertionError(f"no process of pod {pod['metadata']['name']} on its node")
    inside(pod["spec"]["nodeName"], "kill", f"-{name}", *map(str, found))
    return found


def restart_api_server(control_plane: str) -> None:
    """Kills the API server's process; its node's kubelet starts another."""
    pids = inside(control_plane, "pgrep", "-x", "kube-apiserver").split()
    inside(control_plane, "kill", "-KILL", *pids)
