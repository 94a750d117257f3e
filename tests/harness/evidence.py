"""What to look at after a failed story, saved before its namespace goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster import paths
from tests.harness import commands
from tests.harness.installation import GATEWAY_LABELS, NAMESPACE, OPERATOR_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = paths.BUILD / "e2e"


def save(story: str, namespace: str) -> Path:
    """Writes resources, events and logs to `build/e2e/<story>/`; what cannot be had is left out."""
    folder = FOLDER / story
    folder.mkdir(parents=True, exist_ok=True)
    within = ("--namespace", namespace)
    questions = {
        "modeldeployments.yaml": ("get", "modeldeployments", "--output", "yaml", *within),
        "objects.txt": ("get", "deployments,services,pods", "--output", "wide", *within),
        "pods.yaml": ("get", "pods", "--output", "yaml", *within),
        "events.txt": ("get", "events", "--sort-by", ".lastTimestamp", *within),
        "operator.log": _logs(OPERATOR_LABELS),
        "gateway.log": _logs(GATEWAY_LABELS),
        "system.txt": ("get", "pods", "--output", "wide", "--namespace", NAMESPACE),
        "nodes.txt": ("get", "nodes", "--output", "wide"),
    }
    for name, arguments in questions.items():
        try:
            answer = commands.kubectl(*arguments)
        except commands.CommandError as error:
            answer = f"{error}\n"
        (folder / name).write_text(answer)
    return folder


def _logs(labels: Mapping[str, str]) -> tuple[str, ...]:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    of = ("--namespace", NAMESPACE, "--selector", selector)
    return ("logs", *of, "--all-containers", "--prefix", "--tail", "2000")
