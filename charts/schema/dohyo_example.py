"""Values of the chart `dohyo-example`: one ModelDeployment of the sample bento."""

# ruff: noqa: RUF012  (pydantic copies defaults)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charts.schema.kubernetes import ComputeResources, Name, Section, Texts


class Version(Section):
    name: Name
    """Identity of the version, bound to its content for good."""
    bento: Annotated[str, Field(pattern=r"^[^:]+:[^:]+$")]
    """Tag of the bento, name:version."""
    image: Annotated[str, Field(min_length=1)]
    """Image that holds the bento."""
    resources: ComputeResources = ComputeResources(
        requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "768Mi"}
    )
    """Requests and limits of each of its pods."""


class Challenger(Version):
    enabled: bool = True
    """Whether there is a challenger."""
    weight: Annotated[float, Field(ge=0, le=100)] = 10
    """Percent of the requests that it answers."""


class Scaling(Section):
    min_replicas: Annotated[int, Field(ge=1)] = 2
    """Of each version; from 2 on, a pod may go without a failed request."""
    max_replicas: Annotated[int, Field(ge=1)] = 4
    """Of each version."""
    metric: Literal["concurrency", "rps", "cpu"] = "concurrency"
    """What replicas follow."""
    target: Annotated[float, Field(gt=0)] = 8
    """How much of it one replica carries."""


class Gateway(Section):
    namespace: Name = "dohyo-system"
    """Namespace of the release of the chart dohyo; for the commands that are printed."""
    service: Name = "dohyo-gateway"
    """Its gateway Service; for the commands that are printed."""


class Values(Section):
    name: Name = "breast-cancer"
    """Name of the ModelDeployment and of the Service that clients call."""
    champion: Version = Version(
        name="v1",
        bento="breast-cancer:v1-logistic",
        image="dohyo/bento-breast-cancer:v1-logistic",
    )
    """The version that serves."""
    challenger: Challenger = Challenger(
        name="v2",
        bento="breast-cancer:v2-boosting",
        image="dohyo/bento-breast-cancer:v2-boosting",
    )
    """The version that tries to beat it."""
    sticky_header: Annotated[str, Field(pattern=r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?)?$")] = (
        "x-customer-id"
    )
    """Header that keeps one customer on one version; empty draws every request anew."""
    timeout_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 30
    """How long a request may take."""
    scaling: Scaling = Scaling()
    """How many replicas every version has."""
    gateway: Gateway = Gateway()
    """Where the gateway is."""
    common_labels: Texts = {}
    """Further labels of the ModelDeployment."""
