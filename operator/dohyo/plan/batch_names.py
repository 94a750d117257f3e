"""The one place where names and labels of a BatchPrediction's children are computed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import BATCH_KIND, LABEL_BATCH, LABEL_MANAGED_BY, MANAGED_BY
from dohyo.plan.child_metadata import child_metadata

if TYPE_CHECKING:
    from dohyo.api.resource import Metadata
    from dohyo.plan.observed import Manifest

# A CronJob adds 9 characters for a run's name, the end 7, a pod's index and chance 10 more.
MAX_LENGTH: Final = 40
LABEL_STAGE: Final = "dohyo.dev/batch-stage"
SCORE: Final = "score"
FINISH: Final = "finish"
ORDER: Final = "order"

# What Kubernetes' Job controller writes on pods.
LABEL_JOB: Final = "batch.kubernetes.io/job-name"
LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"
LABEL_INDEX: Final = "batch.kubernetes.io/job-completion-index"


def batch_name(name: str) -> str:
    """``<name>-batch-<hash>``, at most 40 characters, the same on every run."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:5]
    return f"{name}-batch"[: MAX_LENGTH - 6].rstrip("-") + f"-{digest}"


def run_name(name: str, work: str) -> str:
    """The name of the run of what runs once."""
    return f"{batch_name(name)}-{work}"


def finish_name(run: str) -> str:
    """The name of the Job that ends a run."""
    return f"{run}-{FINISH}"


def batch_labels(name: str, stage: str = "") -> dict[str, str]:
    """Labels of everything that belongs to one BatchPrediction, its pods among them.

    None of them is a label that the Service of a version selects by.
    """
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_BATCH: name}
    return labels | ({LABEL_STAGE: stage} if stage else {})


def batch_metadata(owner: Metadata, name: str, stage: str = "") -> dict[str, Any]:
    return child_metadata(owner, name, batch_labels(owner.name, stage), BATCH_KIND)


def stage_of(manifest: Manifest) -> str:
    """What a Job is for; empty when it does not say."""
    return str((manifest["metadata"].get("labels") or {}).get(LABEL_STAGE, ""))
