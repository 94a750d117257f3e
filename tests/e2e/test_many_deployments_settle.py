"""As many ModelDeployments as the nodes have room for, all at once: all settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import commands, model, usage
from tests.harness.asking import ask
from tests.harness.manifests import model_deployment, version
from tests.harness.ring import is_settled
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.installation import Installation
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(8), pytest.mark.timeout(600), pytest.mark.alone]

QUESTION = model.question(model.rows()[:1])
CPU, MEMORY = 0.1, 256 << 20
RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}}


def test_all_at_once(ring: Ring, installation: Installation, story: Story) -> None:
    room = usage.room(ring.live, CPU, MEMORY)
    count = max(1, room)
    names = [f"many-{number:03d}" for number in range(count)]
    with story.given("an operator with nothing to do"):
        before = usage.of_operator(installation)

    with story.when(f"{count} ModelDeployments come at once, as many as the nodes have room for"):
        champion = version("v1", model.LOGISTIC, resources=RESOURCES)
        one_replica = {"minReplicas": 1, "maxReplicas": 1}
        manifests = [model_deployment(name, champion, scaling=one_replica) for name in names]
        timer = usage.Stopwatch()
        commands.apply(*manifests, namespace=ring.namespace)

    with story.then("each has all its children and a status"):
        until(
            "all have a status",
            lambda: [item for item in ring.all() if item.get("status", {}).get("versions")],
            lambda found: len(found) == count,
            seconds=120,
        )
        story.tell(f"after {timer.seconds():.1f} s")

    with story.then("each is ready"):
        until(
            "all are ready",
            lambda: sum(map(is_settled, ring.all())),
            lambda ready: ready == count,
            seconds=480,
        )
        after = usage.of_operator(installation)
        story.tell(
            f"{count} ModelDeployments ready after {timer.seconds():.0f} s; the operator took"
            f" {after.cpu_seconds - before.cpu_seconds:.1f} s of CPU and holds"
            f" {after.resident_megabytes:.0f} MB"
        )

    with story.then("each answers"):
        assert [ask(ring.host(name), QUESTION).status for name in names] == [200] * count
