"""What a run is made of, as its Job bears it: nobody else may change it while it goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from dohyo.api.modeldeployment import VersionSpec
from dohyo.contract import ANNOTATION_RUN

if TYPE_CHECKING:
    from dohyo.plan.observed import Manifest


@dataclass(frozen=True)
class Making:
    """What a run is made of.

    Attributes:
        versions: that score, as they were when it began.
        order: name of the ConfigMap with its order.
    """

    versions: tuple[VersionSpec, ...]
    order: str


def making_annotations(making: Making) -> dict[str, str]:
    """The annotations of the run's Job, from which `making_of` reads it again."""
    versions = []
    for version in making.versions:
        raw = version.as_kept()
        for field in ("resources", "scaling", "podTemplate"):
            raw.pop(field, None)
        versions.append(raw)
    text = json.dumps({"versions": versions, "order": making.order}, sort_keys=True)
    return {ANNOTATION_RUN: text}


def making_of(job: Manifest) -> Making | None:
    """What a Job was made of; None when somebody has made it without saying so."""
    text = (job["metadata"].get("annotations") or {}).get(ANNOTATION_RUN)
    try:
        document: Any = json.loads(text) if text else {}
        versions = tuple(
            VersionSpec.model_validate_json(json.dumps(raw)) for raw in document["versions"]
        )
        return Making(versions, str(document["order"])) if versions else None
    except (ValueError, KeyError, TypeError, ValidationError):
        return None


# What a Job is, as soon as it is known, and once all of its pods have ended.
COMPLETE: Final = ("SuccessCriteriaMet", "Complete")
FAILED: Final = ("FailureTarget", "Failed")
# The deadline of a run that nothing can save: no Job can be ended otherwise.
AT_ONCE_SECONDS: Final = 1


def condition_of(job: Manifest, *kinds: str) -> Manifest | None:
    """The first of these conditions of a Job that is true."""
    found: dict[str, Manifest] = {
        condition["type"]: condition
        for condition in (job.get("status") or {}).get("conditions") or ()
        if condition["status"] == "True"
    }
    return next((found[kind] for kind in kinds if kind in found), None)


def is_complete(job: Manifest) -> bool:
    """Whether all of it is done; also while its last pods end.

    A pod on a node that no longer answers has no end before the node is back or removed.
    """
    return condition_of(job, *COMPLETE) is not None


def is_failed(job: Manifest) -> bool:
    """Whether it is given up; also while its last pods end."""
    return condition_of(job, *FAILED) is not None


def is_over(job: Manifest) -> bool:
    return is_complete(job) or is_failed(job)


def is_called_off(job: Manifest) -> bool:
    """Whether its deadline is the one of a run that nothing can save."""
    return bool(job["spec"].get("activeDeadlineSeconds") == AT_ONCE_SECONDS)
