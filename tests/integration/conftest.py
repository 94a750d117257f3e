"""The operator as a process of this machine against the real API server."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dohyo.contract import GROUP, PLURAL
from tests.harness.access import project_access
from tests.harness.commands import Release, kubectl
from tests.harness.installation import CRDS, NAMESPACE, OPERATOR_LABELS
from tests.harness.live import Live, Name
from tests.harness.operator_process import OperatorProcess, Station, operator
from tests.harness.sharing import once_in_a_run
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Object


@dataclass(frozen=True)
class Field:
    """A namespace of a test's own, watched by an operator that works in it.

    Attributes:
        live: the API server.
        namespace: home of the Lease, and all that is watched.
        station: where an operator has to be started.
    """

    live: Live
    namespace: str
    station: Station

    def get(self, kind: str, name: str) -> Object | None:
        return self.live.get(Name(kind, name, self.namespace))

    def status(self, name: str) -> Object:
        found = self.get("ModelDeployment", name) or {}
        status: Object = found.get("status", {})
        return status

    def apply(self, manifest: Object) -> Object:
        """Creates a ModelDeployment, or gives it another spec."""
        name = manifest["metadata"]["name"]
        if self.get("ModelDeployment", name) is None:
            return self.live.create("ModelDeployment", self.namespace, manifest)
        text = json.dumps(manifest)
        printed = kubectl("-n", self.namespace, "replace", "-f", "-", "-o", "json", text=text)
        replaced: Object = json.loads(printed)
        return replaced

    def children(self, name: str) -> dict[tuple[str, str], Object]:
        """What bears the ModelDeployment's label, by kind and name."""
        kinds = ("Service", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler")
        labels = {"dohyo.dev/modeldeployment": name}
        return {
            (kind, child["metadata"]["name"]): child
            for kind in kinds
            for child in self.live.listed(kind, self.namespace, labels)
        }

    def child(self, name: str, kind: str, version: str) -> Object:
        """The child of one version."""
        return next(
            child
            for (found, _), child in self.children(name).items()
            if found == kind and child["metadata"]["labels"].get("dohyo.dev/version") == version
        )

    def ready(self, name: str, process: OperatorProcess, seconds: float = 60) -> Object:
        """Waits until every version of the present spec has all its pods, and all is quiet."""
        until(
            f"{name} has its pods",
            lambda: self.get("ModelDeployment", name) or {},
            lambda md: (
                bool(versions := md.get("status", {}).get("versions"))
                and all(0 < v["replicas"] == v["readyReplicas"] for v in versions)
                and md["status"]["observedGeneration"] == md["metadata"]["generation"]
            ),
            seconds=seconds,
        )
        quiet(process)
        return self.status(name)

    def settled(self, name: str, process: OperatorProcess, seconds: float = 30) -> Object:
        """Waits until the status speaks of the present spec and nothing more is written."""
        until(
            f"{name} has a status",
            lambda: self.get("ModelDeployment", name) or {},
            lambda md: (
                md.get("status", {}).get("observedGeneration", 0)
                == md.get("metadata", {}).get("generation", -1)
            ),
            seconds=seconds,
        )
        quiet(process, seconds)
        return self.status(name)


def quiet(process: OperatorProcess, seconds: float = 30) -> None:
    """Waits until the operator writes nothing for a second."""
    seen: list[int] = []

    def unchanged() -> bool:
        seen.append(process.writes())
        return len(seen) > 4 and len(set(seen[-5:])) == 1

    until("the operator has nothing more to write", unchanged, seconds=seconds)


@pytest.fixture(scope="session")
def live() -> Live:
    """The API server, with the resource definition and no other operator at work."""
    found = Live(project_access())

    def prepare() -> None:
        remove_operator(found)
        CRDS.install()
        kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{PLURAL}.{GROUP}")

    once_in_a_run("defined", prepare)
    return found


def remove_operator(live: Live) -> None:
    """Uninstalls what a demo or an earlier run left: it would work beside the tests' own."""

    def pods() -> list[Object]:
        return live.listed("Pod", None, OPERATOR_LABELS)

    if any(pod["metadata"]["namespace"] == NAMESPACE for pod in pods()):
        Release("dohyo", "dohyo", NAMESPACE).uninstall()
    until("no operator is left on the cluster", pods, lambda left: not left, seconds=60)


@pytest.fixture(scope="session")
def namespaces(live: Live) -> Iterator[list[str]]:
    """Those that this session has made and deleted; at its end all are gone."""
    made: list[str] = []
    yield made
    until(
        "no namespace of this session is left",
        lambda: [name for name in made if live.get(Name("Namespace", name)) is not None],
        lambda left: not left,
        seconds=120,
    )


@pytest.fixture
def field(live: Live, namespaces: list[str], tmp_path: Path) -> Iterator[Field]:
    namespace = f"field-{secrets.token_hex(3)}"
    live.create("Namespace", None, {"metadata": {"name": namespace}})
    namespaces.append(namespace)
    station = Station(
        kubeconfig=project_access().kubeconfig,
        home=namespace,
        watched=namespace,
        log=tmp_path / "operator.log",
    )
    try:
        yield Field(live, namespace, station)
    finally:
        live.delete(Name("Namespace", namespace))


@pytest.fixture
def working(field: Field) -> Iterator[OperatorProcess]:
    """An operator that leads."""
    with operator(field.station) as process:
        yield process
