"""Weights change under load: nothing is lost, nobody moves back, shares are right within 3 s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import model, split, traffic
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.ring import table_of
from tests.harness.schedule import Phase

if TYPE_CHECKING:
    from dohyo.contract import RoutingTable
    from tests.harness.live import Object
    from tests.harness.records import Records
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(2), pytest.mark.timeout(400), pytest.mark.alone]

SECONDS_UNTIL_RIGHT = 3.0
QUESTION = model.question(model.rows()[:1])


def weighing(percent: float) -> Object:
    v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, percent)
    return model_deployment("ramp", v1, (v2,))


def test_ten_to_twenty_to_fifty(ring: Ring, story: Story) -> None:
    with story.given("a challenger that weighs 10 %, under 250 requests per second"):
        ring.apply(weighing(10))
        before = table_of(ring.settled("ramp"))

    with traffic.under(ring.order("ramp", QUESTION, Phase(250, 60), population=1000)) as load:
        load.until_seen("a first round", lambda seen: len(seen) > 1500, seconds=30)
        with story.when("its weight rises to 20 % and then to 50 %"):
            to_twenty, at_twenty, twenty = change(ring, load, 20)
            to_fifty, at_fifty, fifty = change(ring, load, 50)
        seen = load.stop()
    assert traffic.kept_its_schedule(seen), f"p99 late by {seen.lateness(0.99):.3f} s"

    with story.then("no request failed"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()

    with story.then("shares are those of the new weight 3 s after each apply, entity by entity"):
        for start, end, table in (
            (0.0, to_twenty, before),
            (at_twenty + SECONDS_UNTIL_RIGHT, to_fifty, twenty),
            (at_fifty + SECONDS_UNTIL_RIGHT, float("inf"), fifty),
        ):
            stretch = seen.between(start, end)
            assert len(stretch) > 500
            assert astray(stretch, table) == {}
            story.tell(f"{table.share('v2') / 100:.0f} %: {dict(stretch.versions())}")

    with story.then("nobody who had the challenger moved back"):
        held = {e for e in entities(seen) if split.owner(before, e) == "v2"}
        assert {e: v for e, v in seen.versions_by_entity().items() if e in held} == {
            e: ["v2"] for e in held
        }
        later = seen.since(at_twenty + SECONDS_UNTIL_RIGHT).versions_by_entity()
        backwards = {e: v for e, v in later.items() if v not in (["v1"], ["v2"], ["v1", "v2"])}
        gateways_disagreed = {e: v for e, v in backwards.items() if v[-1] == "v2"}
        assert backwards == gateways_disagreed
        story.tell(f"{len(gateways_disagreed)} entities met both versions while gateways differed")


def change(ring: Ring, load: traffic.Traffic, percent: float) -> tuple[float, float, RoutingTable]:
    """Applies a weight; returns when that began and when it ended, and the routes it led to.

    Requests are split anew before kubectl has ended: what lies between the two belongs to neither.
    """
    began = traffic.now()
    ring.apply(weighing(percent))
    applied = traffic.now()
    until = applied + SECONDS_UNTIL_RIGHT + 5
    load.until_seen("8 s of it", lambda seen: seen.all[-1].sent > until, seconds=40)
    return began, applied, table_of(ring.settled("ramp", seconds=10))


def entities(seen: Records) -> set[str]:
    return {record.entity for record in seen.all}


def astray(seen: Records, table: RoutingTable) -> dict[str, list[str]]:
    """Entities that saw another version than the one the table gives them to."""
    return {
        entity: versions
        for entity, versions in seen.versions_by_entity().items()
        if versions != [split.owner(table, entity)]
    }
