"""The product as helm installs it, once for all stories of a run."""

from __future__ import annotations

import importlib.metadata
from functools import partial
from typing import TYPE_CHECKING, Any

from dohyo.contract import OPERATOR_PORT
from tests.harness.commands import CommandError, Release, docker
from tests.harness.live import Live, Name, Object
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "dohyo-system"
OPERATOR_LABELS = {"app.kubernetes.io/name": "dohyo", "app.kubernetes.io/component": "operator"}
GATEWAY_LABELS = {"app.kubernetes.io/name": "dohyo", "app.kubernetes.io/component": "gateway"}
LEASE = "dohyo-operator"
PROJECT_VERSION = importlib.metadata.version("dohyo")

# Somebody may have applied what `dohyo crd` prints.
CRDS = Release("dohyo-crds", "dohyo-crds", NAMESPACE, takes_over=True)


def is_ready(pod: Object) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


class Installation:
    """The releases `dohyo-crds` and `dohyo`, and the pods they lead to."""

    def __init__(self, live: Live, values: Mapping[str, Any]) -> None:
        self.live = live
        self.crds = CRDS
        self.release = Release("dohyo", "dohyo", NAMESPACE, _with_image_ids(values))

    def install(self) -> None:
        """Brings both releases to the charts of the work tree; repeats do no harm."""
        self.crds.install()
        self.release.install()
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 180) -> None:
        for what, labels in (("operator", OPERATOR_LABELS), ("gateway", GATEWAY_LABELS)):
            until(
                f"two {what} pods are ready",
                partial(self.pods, labels),
                lambda pods: sum(map(is_ready, pods)) == len(pods) == 2,
                seconds=seconds,
            )

    def pods(self, labels: Mapping[str, str]) -> list[Object]:
        return self.live.listed("Pod", NAMESPACE, labels)

    def leader(self) -> str | None:
        """The holder of the operator's Lease."""
        lease = self.live.get(Name("Lease", LEASE, NAMESPACE))
        return lease["spec"].get("holderIdentity") if lease else None

    def leader_pod(self) -> Object:
        """The pod that holds the Lease; its identity begins with the pod's name."""

        def look() -> list[Object]:
            leader = self.leader() or "nobody"
            return [
                pod
                for pod in self.pods(OPERATOR_LABELS)
                if leader.startswith(pod["metadata"]["name"])
                and not pod["metadata"].get("deletionTimestamp")
            ]

        return until("a living operator pod leads", look, seconds=60)[0]

    def operator_metrics(self, pod: Object) -> str:
        """The Prometheus text of an operator pod, by the API server's proxy."""
        name = pod["metadata"]["name"]
        return self.live.text(
            f"/api/v1/namespaces/{NAMESPACE}/pods/{name}:{OPERATOR_PORT}/proxy/metrics"
        )


def _with_image_ids(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that replace the pods when an image was built anew under its old tag."""
    return {
        **values,
        **{
            part: {**values.get(part, {}), "podAnnotations": {"image": _image_id(part)}}
            for part in ("operator", "gateway", "evidence")
        },
    }


def _image_id(part: str) -> str:
    """Of the local image; `unknown` where images come from a registry."""
    image = f"dohyo/{part}:{PROJECT_VERSION}"
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", image).strip()
    except CommandError:
        return "unknown"
