"""What the world looks like to one reconcile: the input of planning, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dohyo.verdict.evidence import UNASKED, Evidence

if TYPE_CHECKING:
    from dohyo.plan.load import Load

Manifest: TypeAlias = Mapping[str, Any]


class ChildKey(NamedTuple):
    """Names a child within its ModelDeployment's namespace."""

    kind: str
    name: str


@dataclass(frozen=True)
class GatewayEpoch:
    """What a ready gateway pod has applied of this ModelDeployment.

    Attributes:
        pod: the gateway pod's name.
        epoch: of the routing table in its Envoy; None when it did not answer or knows none.
    """

    pod: str
    epoch: int | None


@dataclass(frozen=True)
class Observed:
    """The live objects and counters that belong to one ModelDeployment.

    Attributes:
        children: live objects that this ModelDeployment's UID controls.
        pods: live pods of all its versions, by the labels of their children.
        gateways: every gateway pod that is ready for traffic; None while nobody has asked yet.
        load: by version name.
        evidence: what is known of its trials.
    """

    children: Mapping[ChildKey, Manifest] = field(default_factory=dict)
    pods: tuple[Manifest, ...] = ()
    gateways: tuple[GatewayEpoch, ...] | None = None
    load: Mapping[str, Load] = field(default_factory=dict)
    evidence: Evidence = UNASKED


def key_of(manifest: Manifest) -> ChildKey:
    return ChildKey(manifest["kind"], manifest["metadata"]["name"])
