"""Two million rows are scored whole while pods are killed and a node is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from images import samples
from tests.harness import commands, data_store, model, nodes, warehouse
from tests.harness.batch_runs import ended
from tests.harness.installation import is_ready
from tests.harness.live import Name
from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.installation import Installation
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.long, pytest.mark.story(32), pytest.mark.timeout(900)]

ROWS, SHARDS, GROUP = 2_000_000, 4, 50_000
MODEL = "bout"
# What one pod may hold at most, and Kubernetes ends it beyond.
MEMORY = 384 * 2**20
SECONDS = 400


def batch(name: str) -> Object:
    """Slow enough that a pod can be met at work."""
    told = {"name": "batch", "env": [{"name": "DOHYO_BATCH_PROGRESS_SECONDS", "value": "0.2"}]}
    credentials = {"secretRef": {"name": data_store.CREDENTIALS}}
    return {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "BatchPrediction",
        "metadata": {"name": name},
        "spec": {
            "modelDeployment": MODEL,
            "input": {"uri": "s3://data/rows/", "format": "parquet", "credentials": credentials},
            "output": {
                "uri": f"s3://data/scores-{name}/",
                "include": ["hospital"],
                "credentials": credentials,
            },
            "report": {"groupBy": ["hospital"]},
            "parallelism": SHARDS,
            "shards": SHARDS,
            "retries": 6,
            "podTemplate": {"spec": {"containers": [told]}},
            "resources": {
                "requests": {"cpu": "50m", "memory": "256Mi"},
                "limits": {"cpu": "150m", "memory": str(MEMORY)},
            },
        },
    }


def succeeded(ring: Ring, name: str) -> Object:
    status = ended(ring, name, SECONDS)
    assert status["phase"] == "Succeeded", status
    return status


def scoring(ring: Ring, name: str, fits: Callable[[Object], bool]) -> list[Object]:
    """Pods that have scored some of their rows and not all of them."""
    pods = ring.live.listed("Pod", ring.namespace, {"dohyo.dev/batchprediction": name})
    running = [pod for pod in pods if pod["status"]["phase"] == "Running" and fits(pod)]
    return [pod for pod in running if '"done"' in _log(ring, pod["metadata"]["name"])]


def kill_two(ring: Ring, name: str) -> set[str]:
    """Kills two pods amid their rows; their names."""
    killed: set[str] = set()
    while len(killed) < 2:
        victims = until(
            "a pod is at work",
            lambda: scoring(ring, name, lambda pod: pod["metadata"]["name"] not in killed),
            seconds=SECONDS,
        )
        for victim in victims[: 2 - len(killed)]:
            # It may have come to its end since its log was read.
            if nodes.processes(victim):
                nodes.signal(victim, "KILL")
                killed.add(victim["metadata"]["name"])
    return killed


def _log(ring: Ring, pod: str) -> str:
    try:
        return commands.kubectl("logs", pod, "-c", "batch", "--namespace", ring.namespace)
    except commands.CommandError:
        return ""  # it has not begun, or is gone by now


def test_nothing_is_lost_with_pods_and_a_node(
    ring: Ring, installation: Installation, story: Story, tmp_path: Path
) -> None:
    with story.given(f"{ROWS:,} rows in an object store, and a champion"):
        samples.ensure()
        bentos = warehouse.open_warehouse(ring.live, ring.namespace, model.LOGISTIC, tmp_path)
        pod = ring.live.get(Name("Pod", warehouse.NAME, ring.namespace))
        assert pod is not None
        home = str(pod["spec"]["nodeName"])
        store = data_store.open_data_store(ring.live, ring.namespace, home)
        store.fill(ROWS, SHARDS, GROUP)
        place: dict[str, Any] = {
            "uri": bentos.web,
            "digest": bentos.digest,
            "credentials": {"secretRef": {"name": warehouse.CREDENTIALS}},
        }
        champion = {"name": "v1", "bento": model.LOGISTIC, "resources": RESOURCES, **place}
        one = {"minReplicas": 1, "maxReplicas": 1}
        ring.apply(model_deployment(MODEL, champion, scaling=one))
        ring.settled(MODEL, seconds=300)
    with story.when("it is scored in peace"):
        ring.apply(batch("peaceful"))
        statuses = {"peaceful": succeeded(ring, "peaceful")}
    lost = ""
    try:
        with story.when("it is scored again, two pods are killed, and another's node is lost"):
            ring.apply(batch("disturbed"))
            killed = kill_two(ring, "disturbed")
            story.tell(f"killed {' and '.join(sorted(killed))}")
            victims = until(
                "a pod is at work elsewhere",
                lambda: scoring(ring, "disturbed", lambda p: p["spec"]["nodeName"] != home),
                seconds=SECONDS,
            )
            lost = victims[0]["spec"]["nodeName"]
            nodes.stop(lost)
            story.tell(f"stopped {lost}")
            statuses["disturbed"] = succeeded(ring, "disturbed")
    finally:
        if lost:
            nodes.start(lost)
            until("it is back", lambda: _is_back(ring, lost), seconds=120)
            installation.wait_until_ready()
    found = {}
    for name, status in statuses.items():
        with story.then(f"{name} is complete, and no pod held more than it may"):
            (run,) = status["runs"]
            assert (status["rows"], status["badRows"]) == (ROWS, 0)
            assert 0 < run["peakMemoryBytes"] <= MEMORY
            peak = run["peakMemoryBytes"] / 2**20
            story.tell(f"{run['seconds']:.0f} s, at most {peak:.0f} MiB in a pod")
            found[name] = store.tell(f"scores-{name}/{run['name']}")
            assert (found[name]["rows"], found[name]["whole"]) == (ROWS, True)
    with story.then("both are the same, row for row"):
        assert found["disturbed"] == found["peaceful"]


def _is_back(ring: Ring, node: str) -> bool:
    found = ring.live.get(Name("Node", node))
    return found is not None and is_ready(found)
