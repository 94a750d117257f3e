"""A leader that was frozen, and woken after another took over, writes nothing any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import model, nodes, traffic
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.ring import is_settled, table_of
from tests.harness.until import always, until

if TYPE_CHECKING:
    from tests.harness.installation import Installation
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(12), pytest.mark.timeout(300), pytest.mark.alone]

TAKE_OVER_SECONDS = 20.0


def weighing(percent: float) -> Object:
    v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, percent)
    return model_deployment("bout", v1, (v2,), scaling={"minReplicas": 1, "maxReplicas": 1})


def test_frozen_and_woken(ring: Ring, installation: Installation, story: Story) -> None:
    with story.given("two versions at rest under a leader"):
        ring.apply(weighing(10))
        ring.settled("bout")
        old = installation.leader_pod()
        story.tell(f"{old['metadata']['name']} leads")

    with story.when("it is frozen just after a change"):
        # Applied first, so that the change may find it in the middle of its work.
        ring.apply(weighing(20))
        frozen = traffic.now()
        nodes.signal(old, "STOP")
    try:
        with story.then("the other one takes over in under 20 s and goes on with the work"):
            until(
                "another one leads",
                installation.leader,
                lambda who: bool(who) and not str(who).startswith(old["metadata"]["name"]),
                seconds=TAKE_OVER_SECONDS,
            )
            story.tell(f"took over after {traffic.now() - frozen:.1f} s")
            ring.apply(weighing(30))
            until("30 %", lambda: ring.resource("bout"), weighs_thirty, seconds=20)
            before = everything(ring)
    finally:
        with story.when("the old one wakes"):
            nodes.signal(old, "CONT")
    with story.then("nothing changes any more"):
        always("nothing changes", lambda: everything(ring), lambda s: s == before, seconds=15)
        leader = installation.leader_pod()["metadata"]["name"]
        story.tell(f"{leader} leads")
        assert leader != old["metadata"]["name"]
        installation.wait_until_ready()


def weighs_thirty(resource: Object | None) -> bool:
    return (
        resource is not None
        and is_settled(resource)
        and table_of(resource).share("v2") == 3000
        and not resource["status"].get("retiring")
    )


def everything(ring: Ring) -> dict[str, object]:
    """What an operator writes: specs by generation, and the status as a whole."""
    resource = ring.resource("bout")
    assert resource is not None
    seen: dict[str, object] = {"status": resource["status"]}
    for child in ring.children("bout"):
        metadata = child["metadata"]
        writes = [e for e in metadata["managedFields"] if e["manager"] == "dohyo"]
        seen[f"{child['kind']}/{metadata['name']}"] = (child["spec"], writes)
    return seen
