"""The children of a BatchPrediction: account, score Job, finish Job, CronJob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.plan.batch_names import (
    FINISH,
    SCORE,
    batch_labels,
    batch_metadata,
    batch_name,
    finish_name,
)
from dohyo.plan.batch_pod import batch_pod
from dohyo.plan.batch_run import making_annotations

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.plan.batch_run import Making
    from dohyo.plan.settings import Runtime


def account(bp: BatchPrediction) -> dict[str, Any]:
    """The pods' own ServiceAccount: no Role names it, and no pod gets its token.

    Its annotations are the user's: clouds give a pod its identity by them.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": batch_metadata(bp.metadata, batch_name(bp.metadata.name)),
        "automountServiceAccountToken": False,
    }


def score_job(bp: BatchPrediction, making: Making, runtime: Runtime, run: str) -> dict[str, Any]:
    """The Indexed Job of what runs once."""
    metadata = batch_metadata(bp.metadata, run, SCORE)
    metadata["annotations"] = making_annotations(making)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": _score_spec(bp, making, runtime),
    }


def cron_job(bp: BatchPrediction, making: Making, runtime: Runtime) -> dict[str, Any]:
    """The CronJob whose template names the versions of the next run."""
    spec = bp.spec
    optional = {
        "timeZone": spec.time_zone,
        "startingDeadlineSeconds": spec.starting_deadline_seconds,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": batch_metadata(bp.metadata, batch_name(bp.metadata.name), SCORE),
        "spec": {
            "schedule": spec.schedule,
            "suspend": spec.suspend,
            "concurrencyPolicy": spec.concurrency_policy,
            "successfulJobsHistoryLimit": spec.successful_jobs_history_limit,
            "failedJobsHistoryLimit": spec.failed_jobs_history_limit,
            **{name: value for name, value in optional.items() if value is not None},
            "jobTemplate": {
                "metadata": {
                    "labels": batch_labels(bp.metadata.name, SCORE),
                    "annotations": making_annotations(making),
                },
                "spec": _score_spec(bp, making, runtime),
            },
        },
    }


def finish_job(bp: BatchPrediction, making: Making, runtime: Runtime, run: str) -> dict[str, Any]:
    """The Job that merges and reports a run whose shards are all done."""
    metadata = batch_metadata(bp.metadata, finish_name(run), FINISH)
    metadata["annotations"] = making_annotations(making)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": bp.spec.retries,
            "template": batch_pod(bp, making, runtime, FINISH, run),
        },
    }


def _score_spec(bp: BatchPrediction, making: Making, runtime: Runtime) -> dict[str, Any]:
    spec = bp.spec
    deadline = spec.deadline_seconds
    return {
        "completionMode": "Indexed",
        "completions": spec.shard_count,
        "parallelism": min(spec.parallelism, spec.shard_count),
        "backoffLimitPerIndex": spec.retries,
        # A shard is written whole or not at all, so that a pod on a node that no longer answers
        # need not be waited for.
        "podReplacementPolicy": "TerminatingOrFailed",
        **({} if deadline is None else {"activeDeadlineSeconds": deadline}),
        "template": batch_pod(bp, making, runtime, SCORE),
    }
