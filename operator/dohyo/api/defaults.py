"""The values that depend on other values, made explicit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dohyo.api.modeldeployment import ModelDeploymentSpec, VersionSpec
    from dohyo.api.scalars import ScalingMetric

# Requests in flight, requests per second, percent of the requested CPU.
DEFAULT_TARGET: Final[dict[ScalingMetric, float]] = {"concurrency": 8.0, "rps": 100.0, "cpu": 70.0}
DEFAULT_IDLE_SECONDS: Final = 300


@dataclass(frozen=True)
class EffectiveScaling:
    """The scaling of one version with nothing left open.

    Attributes:
        target: per replica: requests in flight, requests per second, or percent of requested CPU.
    """

    min_replicas: int
    max_replicas: int
    metric: ScalingMetric
    target: float
    idle_seconds: int


def effective_scaling(spec: ModelDeploymentSpec, version: VersionSpec) -> EffectiveScaling:
    """`spec.scaling` with the version's own overrides laid over it."""
    common, own = spec.scaling, version.scaling
    metric = own.metric or common.metric
    target = own.target
    if target is None and metric == common.metric:
        # Another metric's target has another unit and says nothing about this one.
        target = common.target
    least = own.min_replicas if own.min_replicas is not None else common.min_replicas
    idle = own.idle_seconds if own.idle_seconds is not None else common.idle_seconds
    return EffectiveScaling(
        # Nothing wakes a sleeping version yet (`dohyo.api.unsupported` says so): one replica stays.
        min_replicas=max(1, least),
        max_replicas=own.max_replicas if own.max_replicas is not None else common.max_replicas,
        metric=metric,
        target=target if target is not None else DEFAULT_TARGET[metric],
        idle_seconds=idle if idle is not None else DEFAULT_IDLE_SECONDS,
    )
