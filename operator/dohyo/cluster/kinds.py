"""The kinds of objects that the operator speaks to, and where the API server keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dohyo.contract import (
    BATCH_KIND,
    BATCH_PLURAL,
    GROUP,
    KIND,
    LABEL_BATCH,
    LABEL_DEPLOYMENT,
    LABEL_MANAGED_BY,
    MANAGED_BY,
    PLURAL,
    VERSION,
)


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        name: as in a manifest's ``kind``.
        group: API group; empty is the core group.
        version: of the group.
        plural: as in a path.
    """

    name: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, part: str | None = None) -> str:
        """The path of a collection, an object, or a sub-resource; all namespaces when None."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        where = f"/namespaces/{namespace}" if namespace is not None else ""
        tail = "".join(f"/{step}" for step in (name, part) if step is not None)
        return f"{root}{where}/{self.plural}{tail}"


MODEL_DEPLOYMENT: Final = Kind(KIND, GROUP, VERSION, PLURAL)
BATCH_PREDICTION: Final = Kind(BATCH_KIND, GROUP, VERSION, BATCH_PLURAL)
SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "", "v1", "serviceaccounts")
CONFIG_MAP: Final = Kind("ConfigMap", "", "v1", "configmaps")
CRON_JOB: Final = Kind("CronJob", "batch", "v1", "cronjobs")
JOB: Final = Kind("Job", "batch", "v1", "jobs")
SERVICE: Final = Kind("Service", "", "v1", "services")
DEPLOYMENT: Final = Kind("Deployment", "apps", "v1", "deployments")
DISRUPTION_BUDGET: Final = Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets")
AUTOSCALER: Final = Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers")
POD: Final = Kind("Pod", "", "v1", "pods")
LEASE: Final = Kind("Lease", "coordination.k8s.io", "v1", "leases")
ENDPOINT_SLICE: Final = Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices")
EVENT: Final = Kind("Event", "", "v1", "events")
# Never listed and never watched: the one Secret of each namespace is asked for by its name.
SECRET: Final = Kind("Secret", "", "v1", "secrets")

# Everything that a plan of a ModelDeployment may consist of, in the order in which it is applied: a
# Service that is there before its pods never misses one of them.
CHILDREN: Final = (SERVICE, DEPLOYMENT, DISRUPTION_BUDGET, AUTOSCALER)
WATCHED: Final = (MODEL_DEPLOYMENT, *CHILDREN, POD)
# The same of a BatchPrediction: a Job is there after what its pods mount.
BATCH_CHILDREN: Final = (SERVICE_ACCOUNT, CONFIG_MAP, CRON_JOB, JOB)
BATCH_WATCHED: Final = (BATCH_PREDICTION, *BATCH_CHILDREN)
RESOURCES: Final = (MODEL_DEPLOYMENT, BATCH_PREDICTION)

# Children and their pods, asked for at the API server: nobody else's object is ever received.
_MANAGED: Final = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
OURS: Final = f"{_MANAGED},{LABEL_DEPLOYMENT}"
OURS_OF_BATCH: Final = f"{_MANAGED},{LABEL_BATCH}"

_BY_NAME: Final = {kind.name: kind for kind in (*WATCHED, *BATCH_WATCHED, SECRET)}


def watched(*, batch: bool) -> tuple[Kind, ...]:
    """The kinds that an operator watches, with or without batch predictions."""
    return (*WATCHED, *BATCH_WATCHED) if batch else WATCHED


def selector_of(kind: Kind) -> str:
    """The label selector by which the kind is listed and watched; empty is everything."""
    if kind in RESOURCES:
        return ""
    if kind is POD:
        return _MANAGED  # of both resources
    return OURS_OF_BATCH if kind in BATCH_CHILDREN else OURS


def kind_named(name: str) -> Kind:
    """The kind of a manifest.

    Raises:
        KeyError: no plan may hold such an object.
    """
    return _BY_NAME[name]
