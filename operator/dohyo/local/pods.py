"""A supervised process → the Pod that the operator reads, as a kubelet would describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dohyo.plan.bento_pod import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where a person finds the process behind a pod; the operator reads none of these.
ANNOTATION_PROCESS = "local.dohyo.dev/process"
ANNOTATION_LOG = "local.dohyo.dev/log"
ANNOTATION_PORT = "local.dohyo.dev/{}-port"
_PORTS = ("http", "grpc")
LABEL_TEMPLATE = "pod-template-hash"

# The kubelet keeps at most so much of a container's last words.
_LAST_WORDS = 2048


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (negative: by that signal), and its last words."""

    code: int
    words: str


@dataclass(frozen=True)
class ReplicaState:
    """What is known of one replica.

    Attributes:
        name, namespace: of its Pod.
        labels: of its Pod, with the hash of the template it was made from.
        log: path of what its processes have said.
        created_at: RFC 3339, as all times here.
        process: id of the running process; None between two.
        http, grpc: ports on 127.0.0.1 of the running process.
        running_since: None between two processes.
        started: the startup probe has passed.
        ready: the readiness probe passes.
        restarts: processes that came after the first.
        waiting: Kubernetes' word and a sentence for why no process runs.
        ended: the process before the present one.
        retired_at: since when it is on its way out.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    log: str
    created_at: str
    process: int | None = None
    http: int = 0
    grpc: int = 0
    running_since: str | None = None
    started: bool = False
    ready: bool = False
    restarts: int = 0
    waiting: tuple[str, str] = ("ContainerCreating", "")
    ended: Ended | None = None
    retired_at: str | None = None
    owner: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return self.labels[LABEL_TEMPLATE]


def manifest(state: ReplicaState) -> dict[str, Any]:
    """The Pod of a replica."""
    metadata: dict[str, Any] = {
        "name": state.name,
        "namespace": state.namespace,
        "labels": dict(state.labels),
        "annotations": _whereabouts(state),
        "ownerReferences": [dict(state.owner)] if state.owner else [],
    }
    if state.retired_at is not None:
        metadata["deletionTimestamp"] = state.retired_at
    truth = "True" if state.ready else "False"
    return {
        "metadata": metadata,
        "spec": {"nodeName": "localhost"},
        "status": {
            "phase": "Running" if state.process is not None else "Pending",
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": truth}],
            "containerStatuses": [_container(state)],
        },
    }


def _whereabouts(state: ReplicaState) -> dict[str, str]:
    found = {ANNOTATION_LOG: state.log}
    if state.process is not None:
        found[ANNOTATION_PROCESS] = str(state.process)
        ports = {"http": state.http, "grpc": state.grpc}
        found |= {ANNOTATION_PORT.format(name): str(port) for name, port in ports.items() if port}
    return found


def endpoint_of(pod: Mapping[str, Any]) -> dict[str, int] | None:
    """The ports of a Pod that passes its readiness probe, by name; None of one that does not."""
    if not all(c["ready"] for c in pod["status"]["containerStatuses"]):
        return None
    annotations = pod["metadata"]["annotations"]
    ports = {name: annotations.get(ANNOTATION_PORT.format(name)) for name in _PORTS}
    return {name: int(port) for name, port in ports.items() if port}


def _container(state: ReplicaState) -> dict[str, Any]:
    present: dict[str, Any]
    if state.running_since is not None:
        present = {"running": {"startedAt": state.running_since}}
    else:
        word, sentence = state.waiting
        present = {"waiting": {"reason": word} | ({"message": sentence} if sentence else {})}
    status: dict[str, Any] = {
        "name": CONTAINER,
        "ready": state.ready,
        "started": state.started,
        "restartCount": state.restarts,
        "state": present,
    }
    if state.ended is not None:
        status["lastState"] = {"terminated": _terminated(state.ended)}
    return status


def _terminated(ended: Ended) -> dict[str, Any]:
    # A container that dies by a signal has the code of a shell.
    code = 128 - ended.code if ended.code < 0 else ended.code
    word = "Completed" if code == 0 else "Error"
    return {"exitCode": code, "reason": word, "message": ended.words[-_LAST_WORDS:]}
