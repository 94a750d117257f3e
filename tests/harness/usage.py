"""What things cost: time, the operator's CPU and memory, and the room that nodes have left."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.harness.installation import OPERATOR_LABELS

if TYPE_CHECKING:
    from tests.harness.installation import Installation
    from tests.harness.live import Live, Object

SUFFIXES = {
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start of the processes, and memory held now."""

    cpu_seconds: float
    resident_megabytes: float


def of_operator(installation: Installation) -> Usage:
    """CPU of all operator pods together, and the memory of the largest."""
    texts = [installation.operator_metrics(pod) for pod in installation.pods(OPERATOR_LABELS)]
    return Usage(
        cpu_seconds=sum(sample(text, "process_cpu_seconds_total") for text in texts),
        resident_megabytes=max(sample(text, "process_resident_memory_bytes") for text in texts)
        / 1e6,
    )


def sample(text: str, name: str) -> float:
    """The value of a metric without labels in Prometheus' text.

    Raises:
        ValueError: the metric is not there.
    """
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no metric {name}")
    return float(found[1])


def quantity(text: str | None) -> float:
    """A Kubernetes quantity as a number.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text or "0")
    if found is None or found[2] not in SUFFIXES:
        raise ValueError(f"{text!r} is no quantity")
    return float(found[1]) * SUFFIXES[found[2]]


def room(live: Live, cpu: float, memory: float) -> int:
    """How many pods that ask for so many cores and bytes still fit on the schedulable nodes."""
    pods = live.listed("Pod")
    total = 0
    for node in live.listed("Node"):
        taints = node["spec"].get("taints", [])
        if any(taint["effect"] == "NoSchedule" for taint in taints):
            continue
        here = [pod for pod in pods if pod["spec"].get("nodeName") == node["metadata"]["name"]]
        free = node["status"]["allocatable"]
        total += int(
            min(
                (quantity(free["cpu"]) - asked(here, "cpu")) / cpu,
                (quantity(free["memory"]) - asked(here, "memory")) / memory,
                quantity(free["pods"]) - len(here),
            )
        )
    return total


def asked(pods: list[Object], resource: str) -> float:
    """What pods request together; init containers that stay count as well."""
    containers = [
        container
        for pod in pods
        if pod["status"].get("phase") not in ("Succeeded", "Failed")
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", []))
    ]
    return sum(
        quantity(container.get("resources", {}).get("requests", {}).get(resource))
        for container in containers
    )
