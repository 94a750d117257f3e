"""`helm upgrade` from the chart of the commit before, under load: nothing is lost."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from cluster import paths
from tests.harness import model, traffic
from tests.harness.installation import GATEWAY_LABELS, is_ready
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.installation import Installation
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(500), pytest.mark.alone]

QUESTION = model.question(model.rows()[:1])
CHART = "charts/dohyo"


def test_under_traffic(
    ring: Ring, installation: Installation, story: Story, tmp_path: Path
) -> None:
    release = installation.release
    commit, chart = chart_before(tmp_path)
    with story.given(f"an installation of the chart at {commit}"):
        release.install(chart=str(chart))
        installation.wait_until_ready()
        v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, 30)
        ring.apply(model_deployment("bridge", v1, (v2,)))
        ring.settled("bridge")

    pods = {pod["metadata"]["uid"] for pod in ring.pods("bridge")}
    with traffic.under(ring.order("bridge", QUESTION, Phase(200, 300))) as load:
        load.until_seen("the first answers", lambda seen: len(seen) > 200, seconds=30)
        gateways = {pod["metadata"]["uid"] for pod in installation.pods(GATEWAY_LABELS)}
        with story.when("it is upgraded to the present chart, with every gateway pod replaced"):
            # A label of the pods makes sure that they are replaced even when the charts agree.
            gateway = {**release.values["gateway"], "podLabels": {"generation": "next"}}
            upgraded = type(release)(
                release.name,
                release.chart,
                release.namespace,
                {**release.values, "gateway": gateway},
            )
            upgraded.install()
            until(
                "every gateway pod is a new one",
                lambda: installation.pods(GATEWAY_LABELS),
                lambda seen: (
                    not gateways & {p["metadata"]["uid"] for p in seen} and all(map(is_ready, seen))
                ),
                seconds=120,
            )
        done = traffic.now()
        load.until_seen("3 s more", lambda seen: seen.all[-1].sent > done + 3, seconds=30)
        seen = load.stop()

    with story.then("no request failed and no pod of a model was replaced"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()
        assert {pod["metadata"]["uid"] for pod in ring.pods("bridge")} == pods
        installation.install()


def chart_before(folder: Path) -> tuple[str, Path]:
    """The chart of the commit before this one, unpacked; a tree without a past has its own."""
    for commit in git("rev-list", "--max-count", "20", "HEAD").decode().split()[1:]:
        if git("ls-tree", commit, f"{CHART}/Chart.yaml"):
            with tarfile.open(
                fileobj=io.BytesIO(git("archive", "--format", "tar", commit, CHART))
            ) as tar:
                tar.extractall(folder, filter="data")
            return commit[:12], folder / CHART
    return "this tree", paths.REPOSITORY / CHART


def git(*arguments: str) -> bytes:
    """What git prints; nothing where the tree was copied without its history."""
    command = ["git", "-c", f"safe.directory={paths.REPOSITORY}", *arguments]
    done = subprocess.run(command, cwd=paths.REPOSITORY, check=False, capture_output=True)
    return done.stdout
