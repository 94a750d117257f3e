"""A namespace of the cluster with ModelDeployments in it, as a story sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import LABEL_DEPLOYMENT, LABEL_VERSION, RoutingTable, routing_from_status
from tests.harness import commands
from tests.harness.live import Live, Name, Object
from tests.harness.load import Order
from tests.harness.manifests import ENTITY_HEADER
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.model import Question
    from tests.harness.schedule import Phase

# Everything that an operator makes for a ModelDeployment is of these kinds.
CHILD_KINDS = ("Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler")


def condition(resource: Object | None, type_: str) -> Object:
    """The condition of that type; an empty one while it is not there."""
    found = (resource or {}).get("status", {}).get("conditions", [])
    return next((entry for entry in found if entry["type"] == type_), {})


def is_settled(resource: Object | None) -> bool:
    """Whether the status speaks of the present spec and everything is ready."""
    if resource is None:
        return False
    ready = condition(resource, "Ready")
    return (
        ready.get("status") == "True"
        and resource["status"].get("observedGeneration") == resource["metadata"]["generation"]
    )


def version_status(resource: Object | None, version: str) -> Object:
    """The entry of `status.versions` of that version; an empty one while it is not there."""
    found = (resource or {}).get("status", {}).get("versions", [])
    return next((entry for entry in found if entry["name"] == version), {})


def has_share(resource: Object | None, version: str, percent: float) -> bool:
    """Whether every gateway gives the version its share.

    A trial begins when its challenger is ready; its share is routed some passes later.
    """
    return is_settled(resource) and version_status(resource, version).get("weight") == percent


def table_of(resource: Object) -> RoutingTable:
    return routing_from_status(resource["status"]["routing"])


@dataclass(frozen=True)
class Ring:
    """ModelDeployments of one namespace."""

    live: Live
    namespace: str

    def apply(self, manifest: Object) -> None:
        """`kubectl apply`, as a user does it."""
        commands.apply(manifest, namespace=self.namespace)

    def merge(self, name: str, spec: Object) -> Object:
        """Merges a change into the spec, in one write."""
        target = Name("ModelDeployment", name, self.namespace)
        return self.live.patch(target, {"spec": spec})

    def resource(self, name: str) -> Object | None:
        return self.live.get(Name("ModelDeployment", name, self.namespace))

    def all(self) -> list[Object]:
        return self.live.listed("ModelDeployment", self.namespace)

    def settled(self, name: str, seconds: float = 180) -> Object:
        """The resource, once it is ready in the sense of its present spec."""
        found = until(f"{name} is Ready", lambda: self.resource(name), is_settled, seconds=seconds)
        assert found is not None
        return found

    def children(self, name: str) -> list[Object]:
        """Every object that carries the ModelDeployment's label, without pods."""
        labels = {LABEL_DEPLOYMENT: name}
        found: list[Object] = []
        for kind in CHILD_KINDS:
            items = self.live.listed(kind, self.namespace, labels)
            found.extend({"kind": kind, **item} for item in items)
        return found

    def child(self, kind: str, name: str, version: str) -> Object | None:
        """The version's child of that kind; None when there is none."""
        labels = {LABEL_DEPLOYMENT: name, LABEL_VERSION: version}
        found = self.live.listed(kind, self.namespace, labels)
        assert len(found) <= 1, f"{kind} of {name} {version}: {[c['metadata'] for c in found]}"
        return found[0] if found else None

    def pods(self, name: str, version: str | None = None) -> list[Object]:
        labels = {LABEL_DEPLOYMENT: name}
        if version is not None:
            labels[LABEL_VERSION] = version
        return self.live.listed("Pod", self.namespace, labels)

    def host(self, name: str) -> str:
        return f"{name}.{self.namespace}"

    def order(self, name: str, question: Question, *phases: Phase, **fields: Any) -> Order:
        """Load on a ModelDeployment: entities by turns, some connections kept, some new."""
        fields = {"population": 1000, "entity_header": ENTITY_HEADER, **fields}
        return Order(
            host=self.host(name),
            path=question.path,
            body=question.body,
            phases=phases,
            **fields,
        )
