"""A schedule scores with whoever is champion, and each report names its version and the change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from images import samples
from tests.harness import commands, model, warehouse
from tests.harness.claims import a_claim
from tests.harness.live import Name
from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.pushing import digest_of
from tests.harness.until import until
from tests.local.batch.scoring import tumours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

# It waits for two full minutes of the clock.
pytestmark = [pytest.mark.long, pytest.mark.story(32), pytest.mark.timeout(500)]

ROWS, MODEL, WEEKLY = 3_000, "bout", "weekly"


def weekly(**spec: Any) -> Object:
    return {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "BatchPrediction",
        "metadata": {"name": WEEKLY},
        "spec": {
            "modelDeployment": MODEL,
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "input": {"uri": "pvc://data/rows/", "format": "parquet"},
            "output": {"uri": "pvc://data/scores/"},
            "report": {"groupBy": ["hospital"]},
            "shards": 1,
            "resources": RESOURCES,
            **spec,
        },
    }


def runs(ring: Ring) -> list[Object]:
    """Runs of the schedule, the oldest first."""
    found = ring.live.get(Name("BatchPrediction", WEEKLY, ring.namespace)) or {}
    told = found.get("status", {}).get("runs", [])
    return sorted(told, key=lambda run: str(run["name"]))


def succeeded(ring: Ring, version: str) -> list[Object]:
    return [
        run
        for run in runs(ring)
        if run["state"] == "Succeeded" and [v["name"] for v in run["versions"]] == [version]
    ]


def test_two_runs_with_a_promotion_in_between(ring: Ring, story: Story, tmp_path: Path) -> None:
    samples.ensure()
    store = warehouse.open_warehouse(ring.live, ring.namespace, model.LOGISTIC, tmp_path)
    other = tmp_path / "other.bento"
    samples.export(model.BOOSTING, other)
    within = ("--namespace", ring.namespace)
    target = f"{warehouse.NAME}:/srv/store/web/{other.name}"
    commands.kubectl("cp", str(other), target, *within, seconds=180)
    common = {
        "resources": RESOURCES,
        "credentials": {"secretRef": {"name": warehouse.CREDENTIALS}},
    }
    v1 = {"name": "v1", "bento": model.LOGISTIC, "uri": store.web, "digest": store.digest}
    v2 = {
        "name": "v2",
        "bento": model.BOOSTING,
        "uri": store.web.replace("model.bento", other.name),
        "digest": digest_of(other.read_bytes()),
    }
    one = {"minReplicas": 1, "maxReplicas": 1}
    deployment = model_deployment(MODEL, {**v1, **common}, ({**v2, **common},), scaling=one)
    ring.apply(deployment)
    (tmp_path / "rows").mkdir()
    tumours(ROWS).to_parquet(tmp_path / "rows" / "rows.parquet")
    with a_claim(ring.live, ring.namespace, "data") as claim:
        claim.put(tmp_path / "rows", "rows")
        ring.settled(MODEL, seconds=300)
        with story.when("a schedule has begun its first run, the challenger is promoted"):
            ring.apply(weekly())
            until("a run has begun", lambda: runs(ring), seconds=100)
            commands.kubectl(
                "annotate", "modeldeployments.dohyo.dev", MODEL, "dohyo.dev/promote=v2", *within
            )
        with story.then("that run keeps its version, and a later one has the new champion's"):
            first = until("v1 has scored", lambda: succeeded(ring, "v1"), seconds=150)[-1]
            second = until("v2 has scored", lambda: succeeded(ring, "v2"), seconds=200)[0]
            ring.apply(weekly(suspend=True))
        reports = {}
        for run in (first, second):
            claim.take(f"scores/{run['name']}", tmp_path / run["name"])
            text = (tmp_path / run["name"] / "report.json").read_text()
            reports[run["name"]] = json.loads(text)
            assert (tmp_path / run["name"] / "report.html").read_text().startswith("<!")
    before, after = (reports[run["name"]] for run in (first, second))
    with story.then("each report names its version"):
        assert [v["name"] for v in before["versions"]] == ["v1"]
        assert [(v["name"], v["digest"]) for v in after["versions"]] == [("v2", v2["digest"])]
    with story.then("and the later one the run before, its version, and the change"):
        assert after["previous"]["run"] == first["name"]
        assert after["previous"]["versions"] == ["v1"]
        (old,), (new,) = before["versions"], after["versions"]
        assert new["change"]["value"] == pytest.approx(new["mean"] - old["mean"])
        assert new["change"]["value"] != 0
        assert {each["change"] is not None for each in new["groups"]} == {True}
        story.tell(f"{old['mean']:.4f} by v1, {new['mean']:.4f} by v2")
