"""A ModelDeployment as the API server gives it: metadata, spec and status, typed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dohyo.api.status import ModelDeploymentStatus
from dohyo.api.validation import check, name_bindings
from dohyo.api.violations import InvalidResource, Violation, dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.modeldeployment import ModelDeploymentSpec

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True)
class Metadata:
    """The part of an object's metadata that decisions need."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    deletion_timestamp: str | None = None


@dataclass(frozen=True)
class ModelDeployment:
    """One ModelDeployment."""

    metadata: Metadata
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)

    @property
    def key(self) -> str:
        """``namespace/name``, as everywhere."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


def parse(raw: Mapping[str, Any], *, allow_host_access: bool = False) -> ModelDeployment:
    """The typed resource. Fields that this release does not know are left out.

    Args:
        raw: as the API server gives it, or as somebody wrote it.
        allow_host_access: see `dohyo.api.pod_templates`.

    Raises:
        InvalidResource: with everything that is wrong with the spec, also what the API server
            cannot see: durations, pod templates, and names bound to what still drains.
    """
    checked = check(raw, allow_host_access=allow_host_access)
    if checked.spec is None:
        raise InvalidResource(checked.refused)
    return with_spec(raw, checked.spec)


def with_spec(raw: Mapping[str, Any], spec: ModelDeploymentSpec) -> ModelDeployment:
    """The typed resource when its spec has been parsed before; a generation has one spec.

    Raises:
        InvalidResource: the status cannot be read, or binds a name of the spec to other content.
    """
    status = parse_status(raw)
    if bound := tuple(name_bindings(spec, status)):
        raise InvalidResource(bound)
    return ModelDeployment(parse_metadata(raw), spec, status)


def parse_metadata(raw: Mapping[str, Any]) -> Metadata:
    """The metadata alone, also of a resource whose spec is invalid."""
    metadata = raw.get("metadata") or {}
    return Metadata(
        name=metadata.get("name", ""),
        namespace=metadata.get("namespace") or "default",
        uid=metadata.get("uid", ""),
        generation=int(metadata.get("generation") or 0),
        resource_version=metadata.get("resourceVersion", ""),
        annotations=dict(metadata.get("annotations") or {}),
        deletion_timestamp=metadata.get("deletionTimestamp"),
    )


def parse_status(raw: Mapping[str, Any]) -> ModelDeploymentStatus:
    """The status alone; empty when there is none.

    Raises:
        InvalidResource: somebody else has written a status that cannot be read.
    """
    return status_in(raw, ModelDeploymentStatus)


def status_in(raw: Mapping[str, Any], model: type[S]) -> S:
    """The status of a resource of any kind; empty when there is none.

    Raises:
        InvalidResource: somebody else has written a status that cannot be read.
    """
    try:
        return model.model_validate_json(json.dumps(raw.get("status") or {}))
    except ValidationError as error:
        raise InvalidResource(
            Violation(dotted(("status", *found["loc"])), found["input"], found["msg"])
            for found in error.errors()
        ) from None
