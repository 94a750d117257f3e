"""The one place where a child's name and labels are computed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dohyo.contract import (
    LABEL_DEPLOYMENT,
    LABEL_MANAGED_BY,
    LABEL_VERSION,
    MANAGED_BY,
)

if TYPE_CHECKING:
    from dohyo.plan.observed import Manifest

# A pod's name adds up to 17 characters to its Deployment's, and 63 is the limit of a label.
MAX_LENGTH = 52
_HASH_LENGTH = 5


def child_name(deployment: str, version: str) -> str:
    """``<deployment>-<version>-<hash>``, at most 52 characters, the same on every run.

    The hash is of both names with a separator that neither can hold: ``a`` with ``b-c`` and
    ``a-b`` with ``c`` get different children.
    """
    digest = hashlib.sha256(f"{deployment}/{version}".encode()).hexdigest()[:_HASH_LENGTH]
    stem = f"{deployment}-{version}"[: MAX_LENGTH - _HASH_LENGTH - 1].rstrip("-")
    return f"{stem}-{digest}"


def deployment_labels(deployment: str) -> dict[str, str]:
    """Labels of everything that one ModelDeployment owns."""
    return {LABEL_MANAGED_BY: MANAGED_BY, LABEL_DEPLOYMENT: deployment}


def version_labels(deployment: str, version: str) -> dict[str, str]:
    """Labels of everything that one version owns; also the selector of its pods."""
    return {**deployment_labels(deployment), LABEL_VERSION: version}


def version_of(manifest: Manifest) -> str | None:
    """The version that a child or a pod belongs to; None for what the versions share."""
    version: str | None = manifest["metadata"].get("labels", {}).get(LABEL_VERSION)
    return version
