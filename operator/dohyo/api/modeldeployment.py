"""The spec of a ModelDeployment as frozen typed values: the one schema that all prints come from.

Fields of `spec.rollout` live in `dohyo.api.rollout`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final

from pydantic import Field

from dohyo.api.rollout import RolloutSpec
from dohyo.api.scalars import (
    BY_NAME,
    FreeForm,
    Model,
    Name,
    Number,
    Percent,
    Resources,
    ScalingMetric,
    ShortText,
)

MAX_CHALLENGERS: Final = 8
MAX_HOSTNAMES: Final = 16

Replicas = Annotated[int, Field(ge=0, le=1000)]
Target = Annotated[Number, Field(ge=0.01, le=1_000_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]


class ScalingOverride(Model):
    """What one version does differently from `spec.scaling`; what is absent is taken from there."""

    min_replicas: Replicas | None = None
    """Replicas that always run; 0 lets the version sleep while nobody calls."""

    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Replicas that never are exceeded."""

    metric: ScalingMetric | None = None
    """What is measured per replica: requests in flight, requests per second, or CPU."""

    target: Target | None = None
    """The measure that one replica should carry: requests in flight, requests per second, or
    percent of the requested CPU."""

    idle_seconds: Seconds | None = None
    """How long nobody must have called before the last replica goes."""


class ScalingSpec(Model):
    """How many replicas every version has, and by which measure."""

    min_replicas: Replicas = 1
    """Replicas that always run; 0 lets a version sleep while nobody calls."""

    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 8
    """Replicas that never are exceeded."""

    metric: ScalingMetric = "concurrency"
    """What is measured per replica: requests in flight, requests per second, or CPU."""

    target: Target | None = None
    """The measure that one replica should carry. Absent: 8 requests in flight, 100 requests per
    second, or 70 percent of the requested CPU."""

    idle_seconds: Seconds | None = None
    """How long nobody must have called before the last replica goes. Absent: 300."""


class SecretRef(Model):
    """A Secret in the namespace of this object."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The Secret's name."""


class Credentials(Model):
    """What opens a store to the fetching of a bento; the bento itself never sees it."""

    secret_ref: SecretRef
    """The Secret that holds them, under the names that stores and registries know them by."""


class VersionSpec(Model):
    """One version of the model: a bento and what its pods need."""

    name: Name
    """The version's identity everywhere: a DNS label, unique in this object, bound to its
    content for good."""

    bento: Annotated[str, Field(min_length=3, max_length=127)]
    """The bento's tag, name:version, as BentoML prints it."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """A container image that holds the bento. Either this or uri."""

    uri: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Where the exported bento lies: https, s3, gs, pvc or oci; http only with a digest. It is
    fetched into the installation's runtime image. Either this or image."""

    digest: Annotated[str, Field(max_length=71)] | None = None
    """The SHA-256 of what uri leads to (of an oci address, the manifest), checked before
    unpacking."""

    credentials: Credentials | None = None
    """What uri is read with. Absent: as anybody, or as the node's or pod's own identity."""

    resources: Resources = Field(default_factory=Resources)
    """Requests and limits of the bento's container."""

    scaling: ScalingOverride = ScalingOverride()
    """What this version does differently from spec.scaling."""

    pod_template: FreeForm = Field(default_factory=dict)
    """A patch of the pod template: env, volumes, nodeSelector, tolerations, imagePullSecrets
    and the like."""

    def as_kept(self) -> dict[str, Any]:
        """As JSON values without a challenger's share: what a status keeps of a version."""
        raw = self.as_raw()
        raw.pop("weight", None)
        return raw

    @property
    def content(self) -> str:
        """What the name is bound to (bento, image, uri, digest), as 16 hexadecimal digits."""
        text = json.dumps([self.bento, self.image, self.uri, self.digest])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ChallengerSpec(VersionSpec):
    """A version that tries to beat the champion."""

    weight: Percent = 0.0
    """Percent of the requests it answers, with two decimals at most. The champion answers the
    rest."""

    @property
    def weight_bp(self) -> int:
        """The weight in basis points, which are the buckets of `contract.BUCKETS`."""
        return round(self.weight * 100)


class StickyBy(Model):
    """Where the entity of a request is found."""

    header: Annotated[str, Field(min_length=1, max_length=128)]
    """The request header that names the entity."""


class GatewayRef(Model):
    """A Gateway of the Gateway API that routes are attached to."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The Gateway's name."""

    namespace: Name | None = None
    """Its namespace. Absent: the namespace of this object."""

    section_name: ShortText | None = None
    """The listener of the Gateway. Absent: all of them."""


class RoutesSpec(Model):
    """Routes of the Gateway API from outside to this model."""

    hostnames: Annotated[tuple[ShortText, ...], Field(max_length=MAX_HOSTNAMES)] = ()
    """The host names that lead here."""

    gateway: GatewayRef
    """The Gateway that the routes are attached to."""


class TrafficSpec(Model):
    """How requests find their version."""

    sticky_by: StickyBy | None = None
    """What keeps the same entity on the same version. Absent: every request is drawn anew."""

    timeout_seconds: Annotated[Number, Field(ge=0.1, le=3600)] = 30.0
    """How long a request may take, from its arrival to the last byte of its answer."""

    retries: Annotated[int, Field(ge=0, le=10)] = 1
    """Further attempts on another pod of the same version."""

    routes: RoutesSpec | None = None
    """Routes of the Gateway API from outside to this model."""


class ModelDeploymentSpec(Model):
    """Which versions are in the ring, and how they share the requests."""

    champion: VersionSpec
    """The version that serves."""

    challengers: Annotated[
        tuple[ChallengerSpec, ...], Field(max_length=MAX_CHALLENGERS, json_schema_extra=BY_NAME)
    ] = ()
    """The versions that try to beat it."""

    traffic: TrafficSpec = TrafficSpec()
    """How requests find their version."""

    scaling: ScalingSpec = ScalingSpec()
    """How many replicas every version has."""

    rollout: RolloutSpec | None = None
    """How challengers gain weight and by which evidence they are promoted. Absent: weights are
    fixed by hand."""

    paused: bool = False
    """Leave the traffic as it is: no version gains or loses a share until this is false again. Pods
    are still repaired and scaled."""

    stopped: bool = False
    """Run nothing, keep the resource."""

    @property
    def versions(self) -> tuple[VersionSpec, ...]:
        """The champion first, then the challengers in their order."""
        return (self.champion, *self.challengers)

    def version(self, name: str) -> VersionSpec | None:
        return next((v for v in self.versions if v.name == name), None)
