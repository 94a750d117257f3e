"""A data set is scored by Jobs: whole in spite of killed pods, or it says why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from images import samples
from tests.harness import commands, nodes
from tests.harness.batch_runs import MODEL, a_fetched_champion, batch, ended, standing
from tests.harness.claims import Claim, a_claim
from tests.harness.live import Name
from tests.harness.until import until
from tests.local.batch.scoring import tumours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(32), pytest.mark.timeout(500)]

ROWS, BAD, SHARDS = 40_000, 400, 4
FIELD = "mean_radius"
SECONDS = 240
# A pod takes seconds, and can be met at work.
SLOW: Object = {
    "shards": SHARDS,
    "resources": {
        "requests": {"cpu": "50m", "memory": "256Mi"},
        "limits": {"cpu": "250m", "memory": "1Gi"},
    },
}


@pytest.fixture
def data(ring: Ring, tmp_path: Path) -> Iterator[Claim]:
    """A claim with rows of which some are bad, and a champion that is fetched."""
    samples.ensure()
    a_fetched_champion(ring, tmp_path)
    frame = tumours(ROWS).astype({FIELD: object})
    frame.loc[frame.index[:: ROWS // BAD], FIELD] = "lost"
    (tmp_path / "good").mkdir()
    frame.to_csv(tmp_path / "good" / "rows.csv", index=False)
    with a_claim(ring.live, ring.namespace, "data") as claim:
        claim.put(tmp_path / "good", "good")
        ring.settled(MODEL, seconds=300)
        yield claim


def at_work(ring: Ring, name: str) -> list[Object]:
    """Pods of a batch prediction whose program runs."""
    pods = ring.live.listed("Pod", ring.namespace, {"dohyo.dev/batchprediction": name})
    return [
        pod
        for pod in pods
        for container in pod.get("status", {}).get("containerStatuses", ())
        if "running" in container["state"]
    ]


def kill_one(ring: Ring, name: str) -> list[int]:
    """Kills what runs in a pod; its process ids, none when no pod was met at work."""
    for pod in at_work(ring, name):
        if nodes.processes(pod):
            return nodes.signal(pod, "KILL")
    return []


def scores(claim: Claim, name: str, run: str, folder: Path) -> tuple[list[Any], dict[str, Any]]:
    """Every row number with its probability, and the record of the end."""
    target = folder / name
    claim.take(f"scores-{name}/{run}", target)
    parts = [pq.read_table(path) for path in sorted(target.glob("part-*.parquet"))]
    rows = [
        (row["row"], row["probability_malignant"], row["version"])
        for part in parts
        for row in part.select(["row", "probability_malignant", "version"]).to_pylist()
    ]
    return sorted(rows), json.loads((target / "_SUCCESS.json").read_text())


def test_killed_pods_change_nothing(ring: Ring, data: Claim, story: Story, tmp_path: Path) -> None:
    with story.when("two batch predictions score the same data, and pods of one are killed"):
        ring.apply(batch("disturbed", "good", **SLOW))
        killed = until("a pod is killed", lambda: kill_one(ring, "disturbed"), seconds=SECONDS)
        ring.apply(batch("undisturbed", "good", shards=SHARDS))
        story.tell(f"killed {len(killed)} processes")
        statuses = {name: ended(ring, name) for name in ("disturbed", "undisturbed")}
    found = {}
    for name, status in statuses.items():
        with story.then(f"{name} is complete, by the version that serves, with its bad rows aside"):
            assert status["phase"] == "Succeeded", status
            assert (status["version"], status["summary"]["progress"]) == ("v1", "100%")
            assert (status["rows"], status["badRows"]) == (ROWS - BAD, BAD)
            assert status["versions"][0]["digest"].startswith("sha256:")
            run = status["runs"][0]
            assert 0 < run["peakMemoryBytes"] < 2**30
            found[name], _ = scores(data, name, run["name"], tmp_path)
    with story.then("both are the same, row for row"):
        assert len(found["disturbed"]) == ROWS - BAD
        assert found["disturbed"] == found["undisturbed"]
    with story.then("kubectl shows it"):
        line = commands.kubectl("get", "bp", "disturbed", "--namespace", ring.namespace)
        assert {"Succeeded", "100%", "v1", str(ROWS - BAD)} <= set(line.split())


def test_what_is_suspended_or_deleted_leaves_nothing_that_passes_as_complete(
    ring: Ring, data: Claim, story: Story
) -> None:
    with story.when("a run is suspended at once"):
        ring.apply(batch("held", "good", **SLOW, parallelism=1))
        until("a pod is there", lambda: at_work(ring, "held"), bool, seconds=SECONDS)
        ring.apply(batch("held", "good", **SLOW, parallelism=1, suspend=True))
    with story.then("the suspended one has no pods, and its scores are not complete"):
        until("no pod is left", lambda: at_work(ring, "held"), lambda left: not left, seconds=90)
        assert standing(ring, "held")["phase"] == "Suspended"
        written = commands.docker("exec", data.node, "find", data.folder, "-name", "_SUCCESS.json")
        assert "scores-held" not in written
    with story.then("deleted, it leaves no Job and no pod"):
        ring.live.delete(Name("BatchPrediction", "held", ring.namespace))
        labels = {"dohyo.dev/batchprediction": "held"}
        until(
            "nothing is left",
            lambda: [
                found
                for kind in ("Job", "Pod", "ConfigMap", "ServiceAccount")
                for found in ring.live.listed(kind, ring.namespace, labels)
            ],
            lambda left: not left,
            seconds=90,
        )
