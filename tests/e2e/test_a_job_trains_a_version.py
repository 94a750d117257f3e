"""Training as a Job: the example's own manifest leaves a bento on a claim, and it is served."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster import paths
from images import build
from tests.harness import claims, commands
from tests.harness.asking import ask
from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.model import Question
from tests.harness.replay import REPLAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.claims import Volume
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

# It takes a core for a while, and its image some minutes where it is not there yet.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

NAME = "satisfaction-training"
MANIFESTS = paths.REPOSITORY / "examples" / "satisfaction" / "job.yaml"
JOB_SECONDS = 240
# Small enough for a core that is shared with the whole cluster.
REQUESTS = {"cpu": "250m", "memory": "768Mi"}
CONFIGURATION: dict[str, Any] = {
    "task": {
        "target": "satisfied",
        "positive": 0,
        "event_date": "survey_date",
        "key": ["survey_id"],
        "group": "customer_id",
    },
    "data": {"sources": [{"name": "surveys", "kind": "simulator", "rows": 800, "seed": 5}]},
    "columns": {
        "score": {"use": "forbidden", "reason": "the same answer in other words"},
        "agent": {"use": "forbidden", "reason": "a contract"},
        "courtesy_call": {"use": "forbidden", "reason": "made after the prediction"},
        "call_propensity": {"use": "forbidden", "reason": "of the experiment"},
    },
    "analysis": {"table_report": False},
    "selection": {"method": "none"},
    "folds": {"k": 2},
    "models": [{"name": "linear", "grid": {"C": [1.0]}}],
    "output": {
        "name": "satisfaction",
        "version": "challenger",
        "archive": "build/challenger.bento",
    },
}


@pytest.fixture(scope="module")
def image() -> str:
    """The image of training, on the nodes."""
    commands.run(sys.executable, "-m", "images", "training", seconds=600)
    name = build.image_name("training")
    commands.run(sys.executable, "-m", "cluster", "load", name, seconds=300)
    return name


@pytest.fixture
def volume(ring: Ring) -> Iterator[Volume]:
    with claims.volume_for(ring.live, ring.namespace, NAME) as found:
        yield found


def manifests(volume: Volume) -> list[Object]:
    """The example as it stands, on this cluster's volume, and asking for less."""
    claim, job = yaml.safe_load_all(MANIFESTS.read_text())
    claim["spec"] = volume.claim
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"] = REQUESTS
    job["spec"]["backoffLimit"] = 0
    return [claim, job]


def finished(namespace: str) -> str:
    """What the Job printed, once it is complete."""
    job, within = f"job/{NAME}", ("--namespace", namespace)
    wait = ("wait", "--for=condition=complete", f"--timeout={JOB_SECONDS}s", job)
    try:
        commands.kubectl(*wait, *within, seconds=JOB_SECONDS + 20)
    except commands.CommandError as error:
        said = commands.kubectl("describe", "pods", *within)
        said += commands.kubectl("logs", job, "--all-containers", "--ignore-errors", *within)
        raise AssertionError(f"the Job did not complete:\n{said}") from error
    return commands.kubectl("logs", job, *within)


def test_a_bento_comes_out_and_is_served(
    ring: Ring, volume: Volume, image: str, story: Story
) -> None:
    within = ("--namespace", ring.namespace)
    job = manifests(volume)
    configuration = {"challenger.yaml": yaml.safe_dump(CONFIGURATION)}
    wanted = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": NAME}}
    with story.when(f"a Job of {image} trains by the example's manifest"):
        commands.apply({**wanted, "data": configuration}, namespace=ring.namespace)
        text = yaml.safe_dump_all(job)
        commands.kubectl("apply", "--server-side", *within, "--filename", "-", text=text)
        printed = finished(ring.namespace)
    with story.then("it says what came out"):
        story.tell(printed.strip().splitlines()[-1])
        assert "satisfaction:challenger: /work/build/training/satisfaction-challenger" in printed
    with story.when("a ModelDeployment takes the bento from the claim"):
        champion = {
            "name": "v1",
            "bento": "satisfaction:challenger",
            "uri": f"pvc://{NAME}/build/challenger.bento",
            "resources": RESOURCES,
        }
        scaling = {"minReplicas": 1, "maxReplicas": 1}
        ring.apply(model_deployment("bout", champion, scaling=scaling))
        ring.settled("bout")
    with story.then("its golden rows replay in the bare runtime image"):
        (pod,) = ring.pods("bout", "v1")
        run = ("exec", pod["metadata"]["name"], *within, "--", "python3", "-c", REPLAY)
        replayed = json.loads(commands.kubectl(*run))
        assert replayed["differences"] == []
        assert replayed["imported"] == []
    with story.then("it answers them through the gateway as when it was trained"):
        golden = replayed["golden"]
        body = json.dumps({"records": golden["records"]})
        reply = ask(ring.host("bout"), Question("/predict", body))
        assert (reply.status, reply.version) == (200, "v1")
        for given, outputs in zip(reply.probabilities, golden["outputs"], strict=True):
            assert sorted(given.values()) == pytest.approx(sorted(outputs), abs=1e-5)
