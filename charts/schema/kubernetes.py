"""Pieces of Kubernetes' own vocabulary that several charts take as values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A group of values: camelCase outside, unknown keys refused, every field with a default."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


# A whole number is as good as a string: `cpu: 1` is what people write.
Quantity: TypeAlias = Annotated[
    str,
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$",
        }
    ),
]
Name: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)
]
OptionalName: TypeAlias = Annotated[
    str, Field(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", max_length=63)
]
Texts: TypeAlias = dict[str, str]
# Passed on as it is; the API server checks it.
Passed: TypeAlias = dict[str, Any]


class Image(Section):
    registry: str = ""
    """Registry of this image alone; empty takes `imageRegistry`."""
    repository: str
    """Name without registry and tag."""
    tag: str = ""
    """Empty takes the chart's appVersion."""
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Pins the content, e.g. `sha256:…`; wins over the tag."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the node asks the registry."""


class ComputeResources(Section):
    requests: dict[str, Quantity] = {}
    """What the scheduler reserves."""
    limits: dict[str, Quantity] = {}
    """What the container may not exceed."""


class PullSecret(Section):
    name: Name
    """Name of a Secret of type kubernetes.io/dockerconfigjson."""


class Toleration(Section):
    key: str = ""
    """Taint key; empty with operator Exists matches all."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """How key and value are compared."""
    value: str = ""
    """Taint value."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Empty matches all effects."""
    toleration_seconds: int = Field(default=0, ge=0)
    """How long NoExecute is tolerated."""


class EnvironmentVariable(Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """Name of the variable."""
    value: str = ""
    """Its value."""
    value_from: Passed = {}
    """Or where the value comes from."""


class DisruptionBudget(Section):
    enabled: bool = True
    """Whether there is a PodDisruptionBudget."""
    max_unavailable: Annotated[int, Field(ge=1)] = 1
    """Pods that a drained node may take away at once."""


class ServiceAccount(Section):
    create: bool = True
    """Whether the chart makes it."""
    name: OptionalName = ""
    """Empty takes the Deployment's name; required when `create` is false."""
    annotations: Texts = {}
    """Annotations of the ServiceAccount."""


class Scheduling(Section):
    """How pods are labelled and where they go; shared by operator and gateway."""

    priority_class_name: str = ""
    """PriorityClass of the pods."""
    node_selector: Texts = {}
    """Labels that a node must have."""
    tolerations: list[Toleration] = []
    """Taints that the pods tolerate."""
    affinity: Passed = {}
    """Affinity of the pods, as in a pod's spec."""
    topology_spread_constraints: list[Passed] = []
    """Constraints as in a pod's spec; empty spreads over nodes as far as possible."""
    pod_labels: Texts = {}
    """Further labels of the pods."""
    pod_annotations: Texts = {}
    """Further annotations of the pods."""
    pod_disruption_budget: DisruptionBudget = DisruptionBudget()
    """Keeps most pods while nodes are drained."""
    service_account: ServiceAccount = ServiceAccount()
    """The identity of the pods."""
