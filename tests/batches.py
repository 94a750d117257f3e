"""BatchPredictions, their Jobs and pods, as the API server shows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dohyo.api.batch_resource import BatchPrediction, parse_batch
from dohyo.contract.batch import BatchSummary, summary_document
from dohyo.plan.batch import BatchObserved, BatchPlan, plan_batch
from dohyo.plan.batch_names import LABEL_INDEX, LABEL_JOB, LABEL_JOB_UID, batch_name
from dohyo.plan.observed import ChildKey, key_of
from dohyo.plan.settings import Runtime, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "weekly"
CRON_UID = "uid-cron"
SETTINGS = Settings(
    runtime=Runtime(image="dohyo/runtime:1", has_keys=True, evidence_url="http://evidence:8000")
)


def a_batch_manifest(**spec: Any) -> dict[str, Any]:
    """A BatchPrediction as somebody applies it."""
    return {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "BatchPrediction",
        "metadata": {"name": NAME, "namespace": "shop", "uid": "uid-bp", "generation": 1},
        "spec": {
            "modelDeployment": "satisfaction",
            "input": {"uri": "s3://bucket/customers/"},
            "output": {"uri": "s3://bucket/scores/"},
            **spec,
        },
    }


def a_batch(status: Mapping[str, Any] | None = None, **spec: Any) -> BatchPrediction:
    """The same, parsed, with the status that the operator left last time."""
    return parse_batch({**a_batch_manifest(**spec), "status": dict(status or {})})


def a_ring(champion: str = "v12", **status: Any) -> dict[str, Any]:
    """A ModelDeployment with v12 in its spec and v13 as challenger."""
    return {
        "metadata": {"name": "satisfaction", "namespace": "shop"},
        "spec": {
            "champion": a_fetched("v12"),
            "challengers": [{**a_fetched("v13"), "weight": 10}],
        },
        "status": {"champion": champion, **status},
    }


def a_fetched(name: str, **fields: Any) -> dict[str, Any]:
    """A version that is fetched, as batch predictions want it."""
    uri = f"s3://bucket/{name}.bento"
    digest = "sha256:" + name[-2:] * 32
    return {"name": name, "bento": f"satisfaction:{name}", "uri": uri, "digest": digest, **fields}


def begun(bp: BatchPrediction, ring: Mapping[str, Any] | None = None) -> BatchPlan:
    return plan_batch(bp, BatchObserved(ring=ring or a_ring()), SETTINGS)


def manifest(plan: BatchPlan, kind: str, stage: str = "") -> dict[str, Any]:
    """The one manifest of a kind (and stage)."""
    (found,) = (
        m
        for m in plan.manifests
        if m["kind"] == kind
        and (not stage or m["metadata"]["labels"].get("dohyo.dev/batch-stage") == stage)
    )
    return found


def live(manifest: Mapping[str, Any], **status: Any) -> dict[str, Any]:
    """A manifest as the API server shows it later."""
    metadata = {
        "creationTimestamp": "2026-11-22T12:00:00Z",
        "uid": f"uid-{manifest['metadata']['name']}",
        "resourceVersion": "7",
        **manifest["metadata"],
    }
    return {**manifest, "metadata": metadata, "status": status}


def done(kind: str = "Complete", at: str = "2026-11-22T12:05:00Z", **more: Any) -> dict[str, Any]:
    """The status of a Job that is over."""
    condition = {"type": kind, "status": "True", "lastTransitionTime": at, **more}
    return {"startTime": "2026-11-22T12:00:00Z", "conditions": [condition]}


def observed(*children: Mapping[str, Any], **fields: Any) -> BatchObserved:
    """What is seen when these children are there."""
    fields.setdefault("ring", a_ring())
    return BatchObserved(children={key_of(c): dict(c) for c in children}, **fields)


def a_scheduled_job(cron: Mapping[str, Any], number: int, **status: Any) -> dict[str, Any]:
    """A Job as the CronJob's controller makes it of the template."""
    template = cron["spec"]["jobTemplate"]
    name = f"{batch_name(NAME)}-{number}"
    owner = {"kind": "CronJob", "name": batch_name(NAME), "uid": CRON_UID, "controller": True}
    metadata = {
        **template["metadata"],
        "name": name,
        "namespace": "shop",
        "ownerReferences": [owner],
        "creationTimestamp": f"2026-11-22T12:{number:02d}:00Z",
    }
    return live({"kind": "Job", "metadata": metadata, "spec": template["spec"]}, **status)


def a_batch_pod(
    job: str, shard: int | None, summary: BatchSummary | None, code: int | None, **ended: Any
) -> dict[str, Any]:
    """A pod whose program has ended with a summary; code None: it runs."""
    labels = {LABEL_JOB: job, LABEL_JOB_UID: f"uid-{job}"}
    labels |= {LABEL_INDEX: str(shard)} if shard is not None else {}
    message = json.dumps(summary_document(summary)) if summary is not None else ""
    state: dict[str, Any] = {"running": {"startedAt": "2026-11-22T12:00:00Z"}}
    if code is not None:
        state = {"terminated": {"exitCode": code, "message": message, **ended}}
    return {
        "metadata": {"name": f"{job}-{shard}-x", "labels": labels},
        "status": {
            "phase": "Running" if code is None else "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "batch", "state": state}],
        },
    }


def key(job: Mapping[str, Any]) -> ChildKey:
    return key_of(dict(job))
