"""What the operator plans is what Kubernetes' own schemas take, for every way of a bento."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dohyo.api.resource import parse
from dohyo.plan.batch import BatchObserved, plan_batch
from dohyo.plan.desired import plan
from dohyo.plan.observed import Observed
from dohyo.plan.settings import Runtime, Settings
from tests.batches import a_batch, a_ring, done, live, manifest, observed
from tests.builders import NOW, a_manifest
from tests.charts import conformance

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "0" * 64
SECRET = {"secretRef": {"name": "store"}}
EVERYTHING = Runtime(
    image="dohyo/runtime:1",
    cache={"hostPath": {"path": "/var/cache/dohyo", "type": "Directory"}},
    plain_registries=("registry.tools:5000",),
    has_keys=True,
    evidence_url="http://evidence",
)
MOUNTED = Runtime(image="dohyo/runtime:1", image_volumes=True)


@pytest.mark.parametrize(
    ("version", "runtime"),
    [
        ({}, EVERYTHING),
        ({"uri": "s3://b/a.bento", "digest": DIGEST, "credentials": SECRET}, EVERYTHING),
        ({"uri": "pvc://models/a.bento"}, EVERYTHING),
        ({"uri": "oci://r.example/m:v1", "credentials": SECRET}, EVERYTHING),
        ({"uri": "oci://r.example/m:v1", "digest": DIGEST, "credentials": SECRET}, MOUNTED),
    ],
    ids=["image", "s3", "claim", "registry", "image volume"],
)
def test_planned_objects_conform(version: dict[str, Any], runtime: Runtime, tmp_path: Path) -> None:
    raw = a_manifest(scaling={"minReplicas": 2, "metric": "cpu"})
    if version:
        del raw["spec"]["champion"]["image"]
    raw["spec"]["champion"] |= version
    planned = plan(parse(raw), Observed(), Settings(runtime=runtime), NOW)
    assert len(planned.manifests) == 5
    assert conformance.complaints(list(planned.manifests), [], tmp_path) == []


@pytest.mark.parametrize("schedule", [None, "0 6 * * 1"], ids=["once", "scheduled"])
def test_planned_batch_objects_conform(schedule: str | None, tmp_path: Path) -> None:
    timing: dict[str, Any] = {"schedule": schedule, "timeZone": "Etc/UTC"} if schedule else {}
    secrets = {"secretRef": {"name": "store"}}
    bp = a_batch(
        version=["v12", "v13"],
        input={"uri": "s3://b/c/", "credentials": secrets},
        output={"uri": "pvc://data/scores/"},
        deadlineSeconds=600,
        **timing,
    )
    settings = Settings(runtime=EVERYTHING)
    planned = plan_batch(bp, BatchObserved(ring=a_ring()), settings)
    assert len(planned.manifests) == 3
    found = list(planned.manifests)
    if schedule is None:
        job = live(manifest(planned, "Job"), **done())
        found += plan_batch(bp, observed(job), settings).manifests
    assert conformance.complaints(found, [], tmp_path) == []
