"""Promotion and rollback by model quality alone: labels come late, out of order, and decide."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.rollout_decisions import AT_TENTH, QUALITY, Case, simulated
from dohyo.contract import trials_of
from tests.harness import model, nodes
from tests.harness.installation import GATEWAY_LABELS, NAMESPACE, OPERATOR_LABELS
from tests.harness.labels import Crowd, told_by
from tests.harness.live import Name
from tests.harness.manifests import model_deployment, version
from tests.harness.ring import has_share
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.installation import Installation
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(900)]

NAME = "bout"
QUESTION = model.question(model.rows()[:1])
LABELS = {"maxDelay": "10s"}
PER_SECOND = 60


def bout(*challengers: str, **rollout: Any) -> Object:
    """Every version runs the same model; how often it is right is up to the crowd."""
    fields = {
        "steps": [{"weight": 10, "for": "10m"}],
        "gates": [QUALITY],
        "labels": LABELS,
        "maxDuration": "1h",
        **rollout,
    }
    versions = tuple(version(name, model.BOOSTING) for name in challengers)
    return model_deployment(NAME, version("v1", model.LOGISTIC), versions, rollout=fields)


# v3 is better than v1 by too little to win, and by enough not to lose by bad luck.
ACCURACIES = {"v1": 0.7, "v2": 0.97, "v3": 0.77, "v4": 0.7}


def crowd(ring: Ring, **fields: Any) -> Crowd:
    return Crowd(host=ring.host(NAME), question=QUESTION, per_second=PER_SECOND, **fields)


def status(ring: Ring) -> Object:
    found: Object = (ring.resource(NAME) or {}).get("status", {})
    return found


def rollout(ring: Ring, name: str) -> Object:
    found = [r for r in status(ring).get("rollouts", ()) if r["challenger"] == name]
    told: Object = found[0] if found else {}
    return told


def state(ring: Ring, name: str) -> str:
    return str(rollout(ring, name).get("state", ""))


def on_trial(ring: Ring, name: str, percent: float | None = None) -> None:
    """Waits until the challenger's trial has begun, and has such a share of the requests."""
    until(f"{name} is on trial", lambda: state(ring, name), lambda s: s == "Running", seconds=240)
    if percent is None:
        return
    until(
        f"{name} has its share",
        lambda: ring.resource(NAME),
        lambda resource: has_share(resource, name, percent),
        seconds=120,
    )


def outcome(ring: Ring, challenger: str, seconds: float) -> str:
    def ended() -> list[str]:
        history = status(ring).get("history", ())
        return [h["outcome"] for h in history if h["challenger"] == challenger]

    return until(f"the bout of {challenger} is over", ended, bool, seconds=seconds)[0]


def serves(ring: Ring, name: str, seconds: float = 120) -> None:
    def look() -> str:
        return str(status(ring).get("champion", ""))

    until(f"{name} serves", look, lambda champion: champion == name, seconds=seconds)


@pytest.mark.story(21)
def test_worse_by_labels_alone_is_rolled_back(ring: Ring, story: Story) -> None:
    exactly = Case("", QUALITY, AT_TENTH, lambda _: (0.1, 0.2), (), 50, 600, "GateFailed")
    most = simulated(exactly, 200, seed=11).quantile(0.99)
    story.tell(f"99 of 100 simulated rollouts end within {most:,.0f} requests")
    with story.given("a challenger that answers as fast and as well-formed as the champion"):
        ring.apply(bout("v2"))
        on_trial(ring, "v2", 10)
    with told_by(crowd(ring, accuracy={"v1": 0.9, "v2": 0.8})) as told:
        with story.then("it is rolled back, on labels alone"):
            assert outcome(ring, "v2", seconds=60 + most / PER_SECOND * 1.5) == "GateFailed"
        labels = sum(told.labels.values())
    story.tell(f"after {labels:,} labels; {status(ring)['history'][0]['evidence']['verdict']}")
    assert labels <= most
    assert told.failed == 0, told
    assert status(ring)["champion"] == "v1"


@pytest.mark.story(22)
def test_a_better_one_is_promoted_and_the_spec_may_follow(ring: Ring, story: Story) -> None:
    steps = [
        {"shadow": 100, "for": "20s"},
        {"weight": 10, "for": "20s"},
        {"weight": 50, "for": "20s"},
    ]
    with story.given("a challenger that is right more often"):
        ring.apply(bout("v2", steps=steps))
        on_trial(ring, "v2")
    with told_by(crowd(ring, accuracy={"v1": 0.8, "v2": 0.97})) as told:
        with story.then("it is promoted after the last step, and the spec is not touched"):
            serves(ring, "v2", seconds=420)
            resource = ring.resource(NAME)
            assert resource is not None
            assert resource["spec"]["champion"]["name"] == "v1"
            assert outcome(ring, "v2", seconds=5) == "Promoted"
        with story.when("the spec follows"):
            before = (status(ring)["routing"]["salt"], uids(ring, "v2"))
            ring.merge(NAME, {"champion": version("v2", model.BOOSTING), "challengers": []})
            ring.settled(NAME)
        with story.then("nothing moves, and the loser is kept warm"):
            assert (status(ring)["routing"]["salt"], uids(ring, "v2")) == before
            assert uids(ring, "v1")
    assert told.failed == 0, told


def uids(ring: Ring, name: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in ring.pods(NAME, name)}


@pytest.mark.story(23)
def test_one_of_two_wins_and_the_other_begins_anew(ring: Ring, story: Story) -> None:
    with story.given("two challengers, of which one is much better than the champion"):
        ring.apply(bout("v2", "v3", steps=[{"weight": 30, "for": "20s"}]))
        on_trial(ring, "v2", 30)
        on_trial(ring, "v3", 30)
        first = trials_of(status(ring)["routing"]["trial"])
        assert len(first) == 2
    with told_by(crowd(ring, accuracy=ACCURACIES)) as told:
        with story.then("it wins, and the other one's next trial is against it"):
            serves(ring, "v2", seconds=420)
            # For a moment the status still tells of its trial against v1.
            again = until(
                "v3 is on trial against v2",
                lambda: rollout(ring, "v3"),
                lambda r: (r.get("state"), r.get("champion")) == ("Running", "v2"),
                seconds=240,
            )
            assert again["trial"] not in first
        with story.then("it loses that, and a third one brings neither of them back"):
            assert outcome(ring, "v3", seconds=420) == "GateFailed"
            versions = tuple(version(name, model.BOOSTING) for name in ("v2", "v3", "v4"))
            ring.merge(NAME, {"challengers": list(versions)})
            on_trial(ring, "v4", 30)
            shares = {v["name"]: v["weight"] for v in status(ring)["versions"] if v["weight"]}
            assert shares == {"v2": 70, "v4": 30}
            assert state(ring, "v3") == "Rejected"
    assert told.failed == 0, told


@pytest.mark.story(24)
@pytest.mark.alone
def test_what_dies_in_mid_rollout_changes_no_outcome(
    ring: Ring, installation: Installation, story: Story
) -> None:
    with story.given("a challenger that is worse by its labels"):
        ring.apply(bout("v2"))
        on_trial(ring, "v2", 10)
        trial = next(r for r in status(ring)["rollouts"] if r["challenger"] == "v2")["trial"]
    with told_by(crowd(ring, accuracy={"v1": 0.9, "v2": 0.75})) as told:
        until("labels come in", lambda: sum(told.labels.values()), lambda n: n > 200, seconds=90)
        with story.when("the evidence service is away for half a minute"):
            nodes.signal(evidence_pod(installation), "STOP")
            until(
                "the verdict is an error",
                lambda: verdict(ring, "v2"),
                lambda v: v.get("outcome") == "error",
                seconds=90,
            )
            assert status(ring)["champion"] == "v1"
            # It starts anew, with the file that it had.
            nodes.signal(evidence_pod(installation), "KILL")
        with story.when("the leader is killed, and a gateway pod is replaced"):
            nodes.signal(installation.leader_pod(), "KILL")
            victim = installation.pods(GATEWAY_LABELS)[0]["metadata"]["name"]
            installation.live.delete(Name("Pod", victim, NAMESPACE))
        with story.then("the trial goes on, and the challenger is rolled back all the same"):
            assert outcome(ring, "v2", seconds=420) == "GateFailed"
            assert status(ring)["history"][0]["evidence"]["trial"] == trial
            assert status(ring)["ended"] == {"GateFailed": 1}
    with story.then("no label was counted twice"):
        gate = status(ring)["history"][0]["evidence"]["verdict"]["gates"][0]
        counted = sum(gate[side]["units"] for side in ("champion", "challenger"))
        assert counted <= sum(told.labels.values())
    assert len(installation.pods(OPERATOR_LABELS)) == 2


def verdict(ring: Ring, name: str) -> Object:
    said: Object = rollout(ring, name).get("verdict", {})
    return said


def evidence_pod(installation: Installation) -> Object:
    (pod,) = installation.pods({"app.kubernetes.io/component": "evidence"})
    return pod


@pytest.mark.story(25)
def test_pinned_requests_and_shadows_are_no_evidence(ring: Ring, story: Story) -> None:
    """At half weight and full shadow nobody is compared with itself."""
    steps = [{"weight": 50, "shadow": 100, "for": "10m"}]
    agreement = {"name": "agreement", "metric": "agreement", "minAgreement": 0.5, "dryRun": True}
    with story.given("a challenger at {weight: 50, shadow: 100}"):
        ring.apply(bout("v2", steps=steps, gates=[QUALITY, agreement]))
        on_trial(ring, "v2", 50)
    pins = ((3, "x-dohyo-version", "v2"),)
    asking = crowd(ring, accuracy={"v1": 0.9, "v2": 0.9}, headers=pins)
    with (
        told_by(dataclasses.replace(asking, seed=5)) as told,
        story.when("a third of the requests name their version"),
    ):
        until("answers come in", lambda: told.requests, lambda n: n > 3000, seconds=180)
        gates = until(
            "units are counted",
            lambda: {g["name"]: g for g in verdict(ring, "v2").get("gates", ())},
            lambda g: g.get("quality", {}).get("challenger", {}).get("units", 0) > 300,
            seconds=180,
        )
    with story.then("both sides have as many units as the split gave them"):
        units = [gates["quality"][side]["units"] for side in ("champion", "challenger")]
        story.tell(f"units {units} of {told.requests} requests")
        assert 0.8 < units[0] / units[1] < 1.25
        assert sum(units) <= 0.7 * told.requests
        assert verdict(ring, "v2").get("reason") != "SampleRatio"
    with story.then("pairs are of the champion's answers alone"):
        # They are settled a minute later than labels: copies may still be under way.
        pairs = until(
            "pairs are counted",
            lambda: {g["name"]: g for g in verdict(ring, "v2")["gates"]}["agreement"],
            lambda gate: gate.get("challenger", {}).get("units", 0) > 0,
            seconds=240,
        )["challenger"]["units"]
        story.tell(f"{pairs} pairs")
        assert pairs <= 0.4 * told.requests
