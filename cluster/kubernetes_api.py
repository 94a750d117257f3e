"""The cluster seen through its API: does it answer, is it whole."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cluster import paths, programs, tools
from cluster.progress import wait_while

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

Item = dict[str, Any]  # an object of the API, as JSON gives it

MARKER = "dohyo-cluster"
NAMESPACE = "kube-system"
# Generous: after the last of them an existing cluster is given up.
API_SECONDS = 120.0
NODES_SECONDS = 180.0
PODS_SECONDS = 180.0
CALL_SECONDS = 10.0


def _environment() -> dict[str, str]:
    """Kubectl keeps what it learns of an API in ~/.kube unless told otherwise."""
    return {"KUBECACHEDIR": str(paths.kubectl_cache())}


def kubectl(*arguments: str, limit_seconds: float | None = None) -> str:
    """The standard output of `kubectl` on our kubeconfig; raises ClusterError if it fails."""
    return programs.run(
        [tools.ensure("kubectl"), "--kubeconfig", str(paths.KUBECONFIG), *arguments],
        programs.Surroundings(environment=_environment(), limit_seconds=limit_seconds),
    )


def _attempt(*arguments: str, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    return programs.attempt(
        [tools.ensure("kubectl"), "--kubeconfig", str(kubeconfig), *arguments],
        programs.Surroundings(environment=_environment(), limit_seconds=CALL_SECONDS),
    )


def answers(kubeconfig: Path = paths.KUBECONFIG) -> str:
    """Empty if the API server is ready, else why not."""
    done = _attempt("get", "--raw", "/readyz", kubeconfig=kubeconfig)
    if done.returncode == 0:
        return ""
    return f"the API server is not ready: {_last_line(done.stderr)}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no answer"


def silence() -> str:
    """Waits until the API server is ready; empty then, else why it is not."""
    return wait_while(answers, API_SECONDS)


def trouble(started: Mapping[str, datetime]) -> str:
    """Waits until the cluster works; empty then, else what does not.

    `started` maps each node to the time when it last started: what its pods said before is void.
    """
    return (
        silence()
        or wait_while(lambda: unready_nodes(len(started)), NODES_SECONDS)
        or wait_while(lambda: unready(started), PODS_SECONDS)
    )


def unready_nodes(expected: int) -> str:
    """Empty if the expected number of nodes is ready, else how many are."""
    done = _attempt("get", "nodes", "--output", "json", kubeconfig=paths.KUBECONFIG)
    if done.returncode != 0:
        return f"nodes cannot be listed: {_last_line(done.stderr)}"
    ready = sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for node in json.loads(done.stdout)["items"]
        for condition in node["status"]["conditions"]
    )
    return "" if ready == expected else f"{ready} of {expected} nodes are ready"


def node_names() -> list[str]:
    """The names of the nodes that the API server knows; raises ClusterError if it is silent."""
    listed = kubectl("get", "nodes", "--output", "name", limit_seconds=CALL_SECONDS)
    return [line.removeprefix("node/") for line in listed.split()]


def unready(started: Mapping[str, datetime]) -> str:
    """Empty if the workloads and pods of the cluster itself are ready, else which are not."""
    done = _attempt(
        *("get", "deployments,daemonsets,pods", "--namespace", NAMESPACE, "--output", "json"),
        kubeconfig=paths.KUBECONFIG,
    )
    if done.returncode != 0:
        return f"pods cannot be listed: {_last_line(done.stderr)}"
    items = json.loads(done.stdout)["items"]
    pods = [item for item in items if item["kind"] == "Pod"]
    workloads = [item for item in items if item["kind"] != "Pod"]
    missing = unready_workloads(workloads) + unready_pods(pods, started)
    return f"not ready in {NAMESPACE}: {', '.join(missing)}" if missing else ""


def unready_pods(pods: list[Item], started: Mapping[str, datetime]) -> list[str]:
    """The names of pods with a container that is not ready, or only said so of a former life.

    A kubelet that comes back corrects its pods one by one: until then they look ready.
    """
    return [
        str(pod["metadata"]["name"])
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and not _lives(pod, started.get(pod["spec"].get("nodeName", "")))
    ]


def _lives(pod: Item, node_started: datetime | None) -> bool:
    containers = pod["status"].get("containerStatuses", [])
    if node_started is None or not containers:
        return False
    # Kubernetes knows whole seconds only.
    earliest = node_started.replace(microsecond=0)
    since = [container["state"].get("running", {}).get("startedAt") for container in containers]
    return all(container["ready"] for container in containers) and all(
        time is not None and datetime.fromisoformat(time) >= earliest for time in since
    )


def unready_workloads(items: list[Item]) -> list[str]:
    """The names of those Deployments and DaemonSets that have fewer ready pods than they want.

    A status older than the object says nothing about it.
    """
    missing = []
    for item in items:
        status = item.get("status", {})
        if "replicas" in item["spec"]:
            wanted, ready = item["spec"]["replicas"], status.get("readyReplicas", 0)
        else:
            wanted, ready = status.get("desiredNumberScheduled"), status.get("numberReady", 0)
        current = status.get("observedGeneration") == item["metadata"].get("generation")
        if not current or wanted != ready:
            missing.append(str(item["metadata"]["name"]))
    return missing


def mark_complete(facts: Mapping[str, str]) -> None:
    """Leaves a mark in the cluster that its making came to the end."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": MARKER, "namespace": NAMESPACE},
        "data": dict(facts),
    }
    programs.run(
        [
            *(tools.ensure("kubectl"), "--kubeconfig", str(paths.KUBECONFIG)),
            *("apply", "--filename", "-"),
        ],
        programs.Surroundings(environment=_environment(), input=json.dumps(manifest)),
    )


def marks() -> dict[str, str] | None:
    """What `mark_complete` left; None if the cluster has no such mark."""
    done = _attempt(
        *("get", "configmap", MARKER, "--namespace", NAMESPACE, "--output", "json"),
        kubeconfig=paths.KUBECONFIG,
    )
    if done.returncode != 0:
        return None
    return {name: str(value) for name, value in json.loads(done.stdout)["data"].items()}


def flattened(kubeconfig: Path) -> str:
    """The current context of a kubeconfig with all it needs inside."""
    done = _attempt("config", "view", "--raw", "--flatten", "--minify", kubeconfig=kubeconfig)
    return done.stdout if done.returncode == 0 else ""
