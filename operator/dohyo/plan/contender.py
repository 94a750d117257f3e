"""One version in the ring with all that its children are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.plan.child_names import child_name, version_labels

if TYPE_CHECKING:
    from dohyo.api.defaults import EffectiveScaling
    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.api.resource import Metadata
    from dohyo.plan.bento_delivery import Delivered
    from dohyo.plan.settings import Runtime


@dataclass(frozen=True)
class Contender:
    """A version of one ModelDeployment.

    Attributes:
        owner: the ModelDeployment's metadata.
        version: as written in the spec (or kept in the status while it still serves).
        scaling: the deployment's scaling with the version's overrides laid over it.
        timeout_seconds: the longest that a request may take.
        delivered: how its bento comes into its pods.
        runtime: the installation's.
        deadline_seconds: after this long without progress its pods are called failed; None leaves
            it to the cluster.
    """

    owner: Metadata
    version: VersionSpec
    scaling: EffectiveScaling
    timeout_seconds: float
    delivered: Delivered
    runtime: Runtime
    deadline_seconds: int | None = None

    @property
    def name(self) -> str:
        return self.version.name

    @property
    def child(self) -> str:
        """The name of its Deployment, Service, disruption budget and autoscaler."""
        return child_name(self.owner.name, self.version.name)

    @property
    def labels(self) -> dict[str, str]:
        return version_labels(self.owner.name, self.version.name)

    @property
    def scales_by_cpu(self) -> bool:
        return self.scaling.metric == "cpu"
