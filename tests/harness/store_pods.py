"""Pods that serve files to a story: the runtime's image, restricted, with an empty folder.

Their program waits until all that it serves has been copied: until `COMPLETE` is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from images import build
from tests.harness.commands import kubectl
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.harness.live import Object

FOLDER = "/srv"
COMPLETE = f"{FOLDER}/complete"
COPYING_SECONDS = 180


def store_pod(name: str, program: str, container: Object, **spec: Any) -> Object:
    """A pod that runs a program of Python.

    Args:
        name: its own, and of the label `app`.
        program: starts the servers.
        container: further fields of its container.
        spec: further fields of the pod's spec.
    """
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1034,
                "fsGroup": 1034,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "image": build.image_name("runtime"),
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", program],
                    "securityContext": security,
                    "volumeMounts": [
                        {"name": "store", "mountPath": FOLDER},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                    **container,
                }
            ],
            "volumes": [{"name": "store", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
            **spec,
        },
    }


def opened(
    namespace: str, name: str, content: Path, ports: Sequence[int], *, seconds: float
) -> None:
    """Copies what the pod serves to `FOLDER` under its own name; returns when its ports answer."""
    within = ("--namespace", namespace)
    kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"pod/{name}", *within)
    target = f"{name}:{FOLDER}/{content.name}"
    kubectl("cp", str(content), target, *within, seconds=COPYING_SECONDS)
    kubectl("exec", name, *within, "--", "touch", COMPLETE)
    until(f"{name} is open", lambda: _is_open(namespace, name, ports), seconds=seconds)


def _is_open(namespace: str, name: str, ports: Sequence[int]) -> bool:
    """Whether all ports take connections, seen from the pod itself."""
    program = (
        "import socket\n"
        f"for port in {tuple(ports)}:\n"
        "    try: socket.create_connection(('127.0.0.1', port), 2).close()\n"
        "    except OSError: print('closed')\n"
    )
    within = ("--namespace", namespace)
    return "closed" not in kubectl("exec", name, *within, "--", "python3", "-c", program)
