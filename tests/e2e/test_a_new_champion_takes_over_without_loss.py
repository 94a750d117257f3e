"""The champion is replaced under load: nothing is lost, the old one drains and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import model, traffic
from tests.harness.manifests import model_deployment, version
from tests.harness.ring import is_settled, table_of
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(3), pytest.mark.timeout(400)]

QUESTION = model.question(model.rows()[:1])


def test_the_old_champion_serves_until_the_new_one_can(ring: Ring, story: Story) -> None:
    with story.given("a champion under 250 requests per second"):
        ring.apply(model_deployment("throne", version("v1", model.LOGISTIC)))
        ring.settled("throne")

    with traffic.under(ring.order("throne", QUESTION, Phase(250, 240))) as load:
        load.until_seen("the first answers", lambda seen: len(seen) > 250, seconds=30)
        with story.when("another version is applied in its place"):
            ring.apply(model_deployment("throne", version("v2", model.BOOSTING)))
            load.until_seen(
                "the new one answers",
                lambda seen: seen.all[-1].version == "v2",
                seconds=120,
            )
        with story.then("the old one drains and all that was its own is gone"):
            until(
                "only v2 is left",
                lambda: (ring.resource("throne"), ring.pods("throne", "v1")),
                lambda seen: is_settled(seen[0]) and not seen[1],
                seconds=90,
            )
            for kind in ("Deployment", "Service", "PodDisruptionBudget"):
                assert ring.child(kind, "throne", "v1") is None
            resource = ring.settled("throne")
            assert [v.name for v in table_of(resource).versions] == ["v2"]
            assert [v["name"] for v in resource["status"]["versions"]] == ["v2"]
        gone = traffic.now()
        load.until_seen("2 s more", lambda seen: seen.all[-1].sent > gone + 2, seconds=30)
        seen = load.stop()
    assert traffic.kept_its_schedule(seen), f"p99 late by {seen.lateness(0.99):.3f} s"

    with story.then("no request failed, and none went back to the old one"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()
        assert set(seen.versions()) == {"v1", "v2"}
        last_old = max(r.sent for r in seen.all if r.version == "v1")
        first_new = min(r.sent for r in seen.all if r.version == "v2")
        story.tell(f"both answered for {max(0.0, last_old - first_new):.3f} s")
        assert last_old - first_new < 3
