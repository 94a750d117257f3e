"""A challenger that fails is rolled back as soon as that is proven, and says by what."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.rollout_decisions import AT_TENTH, ERRORS, Case, simulated
from tests.harness import calls, model, traffic
from tests.harness.faults import faulty
from tests.harness.manifests import ENTITY_HEADER, model_deployment
from tests.harness.ring import has_share
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(900)]

NAME = "bout"
QUESTION = model.question(model.rows()[:1])
PER_SECOND = 200
# From a bad answer to the operator's decision: the agent's batch, the entity's first window (10 s),
# the minute that the service waits for what is under way, its look, and the operator's look.
ON_THE_WAY_SECONDS = 100.0
GRPC_PER_SECOND = 150
# Shares of slow answers; the limit lies between both kinds, and far from what a busy node adds.
CHAMPION, CHALLENGER = 0.002, 0.05
SLOW = {
    "name": "latency",
    "metric": "latency",
    "slo": "150ms",
    "harmRatio": 1.5,
    "margin": {"ratio": 1.51},
}
HARM = {**ERRORS, "harmRatio": 1.0, "margin": {"ratio": 1.01}}


def bout(champion: Object, challenger: Object, gate: Object) -> Object:
    rollout = {
        "steps": [{"weight": 10, "for": "15m"}],
        "gates": [gate],
        "labels": {"maxDelay": "10s"},
        "maxDuration": "1h",
    }
    # Without retries: what fails, fails.
    fields: dict[str, Any] = {"stickyBy": {"header": ENTITY_HEADER}, "retries": 0}
    return model_deployment(NAME, champion, (challenger,), traffic=fields, rollout=rollout)


def history(ring: Ring) -> list[Object]:
    found: list[Object] = (ring.resource(NAME) or {}).get("status", {}).get("history", [])
    return found


def on_trial(ring: Ring, story: Story, manifest: Object) -> None:
    with story.given("a champion and a challenger with a share of 10 %"):
        ring.apply(manifest)
        until(
            "the trial has begun",
            lambda: (ring.resource(NAME) or {}).get("status", {}).get("rollouts", [{}]),
            lambda rollouts: bool(rollouts and rollouts[0].get("trial")),
            seconds=240,
        )
        until(
            "its share is routed",
            lambda: ring.resource(NAME),
            lambda resource: has_share(resource, "v2", 10),
            seconds=120,
        )


def rolled_back(ring: Ring, story: Story, manifest: Object, most: float) -> Object:
    """Applies, sends requests until the bout is over; its entry in the history."""
    on_trial(ring, story, manifest)
    seconds = most / PER_SECOND + ON_THE_WAY_SECONDS
    order = ring.order(NAME, QUESTION, Phase(PER_SECOND, int(seconds) + 30), population=1_000_000)
    with (
        traffic.under(order) as load,
        story.then(f"it is rolled back within {seconds:.0f} s of requests"),
    ):
        entry = until("the bout is over", lambda: history(ring), bool, seconds=seconds)[0]
        story.tell(f"after {len(load.so_far()):,} requests: {entry['evidence']['verdict']}")
    is_out(ring, entry)
    return entry


def is_out(ring: Ring, entry: Object) -> None:
    assert entry["outcome"] == "GateFailed"
    status = (ring.resource(NAME) or {})["status"]
    assert {v["name"]: v["weight"] for v in status["versions"]}["v1"] == 100


@pytest.mark.story(26)
def test_three_percent_of_errors(ring: Ring, story: Story) -> None:
    exactly = Case("", HARM, AT_TENTH, lambda _: (0.01, 0.03), (), 200, 300, "GateFailed")
    most = simulated(exactly, 200, seed=11).quantile(0.99)
    story.tell(f"99 of 100 simulated rollouts end within {most:,.0f} requests")
    manifest = bout(faulty("v1", failing=0.01), faulty("v2", failing=0.03), HARM)
    entry = rolled_back(ring, story, manifest, most)
    gate = entry["evidence"]["verdict"]["gates"][0]
    assert (gate["name"], gate["outcome"], gate["reason"]) == ("errors", "failed", "Harmful")


def most_until_slowness_shows(story: Story) -> float:
    """Requests within which 99 of 100 rollouts of exactly these shares end; slow ones are events
    like errors, and tested by the same code."""
    as_errors = {**ERRORS, "harmRatio": 1.5, "margin": {"ratio": 1.51}}
    exactly = Case("", as_errors, AT_TENTH, lambda _: (CHAMPION, CHALLENGER), (), 200, 300)
    most = simulated(dataclasses.replace(exactly, wanted="GateFailed"), 200, seed=11).quantile(0.99)
    story.tell(f"99 of 100 simulated rollouts end within {most:,.0f} requests")
    return most


def dawdling() -> Object:
    """The challenger takes 200 ms longer for one request in twenty, the champion for one in 500."""
    return bout(faulty("v1", slow=CHAMPION), faulty("v2", slow=CHALLENGER), SLOW)


def found_slow(entry: Object) -> None:
    gate = entry["evidence"]["verdict"]["gates"][0]
    assert (gate["name"], gate["outcome"], gate["reason"]) == ("latency", "failed", "Harmful")


@pytest.mark.story(27)
def test_one_slow_answer_in_twenty(ring: Ring, story: Story) -> None:
    most = most_until_slowness_shows(story)
    found_slow(rolled_back(ring, story, dawdling(), most))


@pytest.mark.story(28)
def test_one_slow_answer_in_twenty_by_grpc(ring: Ring, story: Story) -> None:
    most = most_until_slowness_shows(story)
    on_trial(ring, story, dawdling())
    seconds = most / GRPC_PER_SECOND + ON_THE_WAY_SECONDS
    with (
        calls.under(ring.host(NAME), GRPC_PER_SECOND) as made,
        story.then(f"it is rolled back within {seconds:.0f} s of calls"),
    ):
        entry = until("the bout is over", lambda: history(ring), bool, seconds=seconds)[0]
    story.tell(f"after {made.answered:,} calls: {entry['evidence']['verdict']}")
    is_out(ring, entry)
    found_slow(entry)
    assert made.failed == [], made.failed[:3]
