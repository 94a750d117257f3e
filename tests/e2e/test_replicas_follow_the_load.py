"""Replicas of every version follow the load up and down, and no request is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import model, traffic
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(6), pytest.mark.timeout(500), pytest.mark.alone]

QUESTION = model.question(model.rows()[:1])
# One replica carries 60 requests per second. Half of 200 asks for two of each version, half of
# 320 for three.
SCALING = {"minReplicas": 2, "maxReplicas": 4, "metric": "rps", "target": 60}
LOW, HIGH = 200.0, 320.0
# The stable window, the delay of scaling down, and the seconds in which gateways are asked.
SECONDS_UP = 15 + 10
SECONDS_DOWN = 15 + 10 + 15


def test_load_rises_and_falls(ring: Ring, story: Story) -> None:
    with story.given(f"two versions that share {LOW:.0f} requests per second"):
        v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, 50)
        ring.apply(model_deployment("swell", v1, (v2,), scaling=SCALING))
        ring.settled("swell")

    phases = Phase(LOW, 20), Phase(HIGH, 75), Phase(LOW, 90)
    with traffic.under(ring.order("swell", QUESTION, *phases)) as load:
        began = load.so_far().all[0].due
        with story.then("two replicas of each are enough"):
            load.until_seen("the first phase", lambda s: s.all[-1].sent > began + 19, seconds=60)
            assert replicas(ring) == {"v1": 2, "v2": 2}
        with story.when(f"it rises to {HIGH:.0f}"):
            load.until_seen("the rise", lambda s: s.all[-1].sent > began + 20.5, seconds=30)
        with story.then("each version gets a third replica"):
            until(
                "three of each",
                lambda: replicas(ring),
                lambda seen: seen == {"v1": 3, "v2": 3},
                seconds=SECONDS_UP,
            )
            story.tell(f"asked for after {traffic.now() - began - 20:.1f} s")
            until("they are ready", lambda: ready(ring) == {"v1": 3, "v2": 3}, seconds=60)
        with story.when("it falls again"):
            load.until_seen("the fall", lambda s: s.all[-1].sent > began + 95, seconds=120)
            assert replicas(ring) == {"v1": 3, "v2": 3}
        with story.then("the third ones go, and not before the windows say so"):
            until(
                "two of each",
                lambda: replicas(ring),
                lambda seen: seen == {"v1": 2, "v2": 2},
                seconds=SECONDS_DOWN,
            )
            story.tell(f"taken back after {traffic.now() - began - 95:.1f} s")
            assert traffic.now() - began - 95 > 10
            until("they are gone", lambda: len(ring.pods("swell")) == 4, seconds=90)
        seen = load.stop()

    with story.then("no request failed"):
        assert traffic.kept_its_schedule(seen), f"p99 late by {seen.lateness(0.99):.3f} s"
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()


def replicas(ring: Ring) -> dict[str, int]:
    return {
        name: (ring.child("Deployment", "swell", name) or {})["spec"]["replicas"]
        for name in ("v1", "v2")
    }


def ready(ring: Ring) -> dict[str, int]:
    found = {name: ring.child("Deployment", "swell", name) or {} for name in ("v1", "v2")}
    return {name: item["status"].get("readyReplicas", 0) for name, item in found.items()}
