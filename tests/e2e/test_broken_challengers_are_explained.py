"""A challenger that cannot run is explained where people look, and the champion never notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.harness import commands, model, traffic
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.ring import condition, table_of, version_status
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(4), pytest.mark.timeout(400)]

QUESTION = model.question(model.rows()[:1])
MISSING = "dohyo/bento-breast-cancer:never-built"
LAST_WORDS = "the model file is not where it should be"


@dataclass(frozen=True)
class Broken:
    """A challenger, and what its status must say: the reason, and words of the message."""

    challenger: Object
    reason: str
    words: tuple[str, ...]


def container(**fields: object) -> Object:
    return {"spec": {"containers": [{"name": "bento", **fields}]}}


def all_broken() -> dict[str, Broken]:
    crash = ["python3", "-c", f"raise SystemExit({LAST_WORDS!r})"]
    probe = {"httpGet": {"path": "/never-there"}, "failureThreshold": 1}
    large = {"requests": {"cpu": "64", "memory": "256Mi"}}
    kinds: dict[str, tuple[Object, str, tuple[str, ...]]] = {
        "missing": ({"image": MISSING}, "ImageNotAvailable", ("Image", MISSING)),
        "crashing": (
            {"podTemplate": container(command=crash)},
            "ContainerCrashes",
            ("CrashLoopBackOff", LAST_WORDS),
        ),
        "unready": (
            {"podTemplate": container(readinessProbe=probe)},
            "ProbeFails",
            ("readiness probe",),
        ),
        "too-large": ({"resources": large}, "Unschedulable", ("Insufficient cpu",)),
    }
    return {
        name: Broken(challenger(name, model.BOOSTING, 5, **fields), reason, words)
        for name, (fields, reason, words) in kinds.items()
    }


def test_four_that_cannot_run(ring: Ring, story: Story) -> None:
    broken = all_broken()
    champion = version("v1", model.LOGISTIC)
    with story.given("a champion under 200 requests per second"):
        ring.apply(model_deployment("bout", champion))
        ring.settled("bout")

    with traffic.under(ring.order("bout", QUESTION, Phase(200, 300))) as load:
        with story.when("four challengers come, none of which can run"):
            challengers = tuple(b.challenger for b in broken.values())
            ring.apply(model_deployment("bout", champion, challengers))
        for name, wanted in broken.items():
            with story.then(f"the one that is {name} is explained in its status"):
                story.tell(explanation(ring, name, wanted))
        with story.then("`kubectl get` and `kubectl describe` say so too"):
            what_a_person_sees(ring, story, broken)
        seen = load.stop()

    with story.then("none of them got a request, and no request failed"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()
        assert set(seen.versions()) == {"v1"}
        resource = ring.resource("bout")
        assert resource is not None
        assert table_of(resource).share("v1") == 10_000
        assert condition(resource, "Available")["status"] == "True"


def explanation(ring: Ring, name: str, wanted: Broken) -> str:
    """What the status says of a version, once it says what is wanted."""
    said = until(
        f"{name} is explained",
        lambda: version_status(ring.resource("bout"), name),
        lambda status: explains(status, wanted),
        seconds=150,
    )
    return f"{said['reason']}: {said['message']}"


def explains(status: Object, wanted: Broken) -> bool:
    message = status.get("message", "")
    return status.get("reason") == wanted.reason and all(word in message for word in wanted.words)


def what_a_person_sees(ring: Ring, story: Story, broken: dict[str, Broken]) -> None:
    resource = ring.resource("bout")
    degraded, ready = condition(resource, "Degraded"), condition(resource, "Ready")
    assert (degraded["status"], ready["status"]) == ("True", "False")
    assert ready["message"] == degraded["message"] != ""
    within = ("--namespace", ring.namespace)
    story.tell("\n" + commands.kubectl("get", "md", "bout", "--output", "wide", *within).rstrip())
    described = commands.kubectl("describe", "md", "bout", *within)
    # `describe` breaks no lines, so a message stands there as it is.
    for wanted in broken.values():
        assert wanted.reason in described
        assert all(word in described for word in wanted.words)
    until(
        "an event tells of it",
        lambda: commands.kubectl("describe", "md", "bout", *within),
        lambda text: "Warning" in text.partition("Events:")[2],
        seconds=10,
    )
