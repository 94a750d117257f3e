"""Several challengers at once, one after another, one instead of another."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.contract import trials_of
from tests.builders import a_version
from tests.unit.verdict.bout import BAD, GOOD, OPEN, STEPS, Bout, a_rollout

CANARY = [{"weight": 10, "for": "10m"}, {"weight": 20, "for": "10m"}]


def challengers(*names: str) -> list[dict[str, Any]]:
    return [a_version(name, weight=0) for name in names]


def two(**fields: Any) -> Bout:
    return Bout(challengers=("v13", "v14"), rollout=a_rollout(steps=CANARY, **fields))


def test_each_challenger_has_a_trial_and_a_part_of_the_line() -> None:
    bout = two().settle()
    assert bout.weights() == {"v12": 80, "v13": 10, "v14": 10}
    names = [bout.rollout(v)["trial"] for v in ("v13", "v14")]
    assert trials_of(bout.status["routing"]["trial"]) == tuple(names)
    assert len(set(names)) == 2
    assert [bout.rollout(v)["slot"] for v in ("v13", "v14")] == [
        {"start": 0, "width": 2000},
        {"start": 2000, "width": 2000},
    ]
    for name in ("v13", "v14"):
        # Two challengers and two harm tests share 0.05.
        assert bout.rollout(name)["thresholds"] == {"harm": 80, "promote": 40}


def test_ramping_one_moves_its_own_additions_alone() -> None:
    bout = two().settle()
    bout.after(300)
    bout.broken.add("v15")
    before = bout.status["routing"]
    bout.says = lambda name: None if name == "v14" else OPEN
    bout.after(300)
    after = bout.status["routing"]
    buckets = [
        {v["name"]: v.get("buckets", []) for v in table["versions"]} for table in (before, after)
    ]
    assert buckets[0] == {
        "v12": [],
        "v13": [{"from": 0, "to": 1000}],
        "v14": [{"from": 2000, "to": 3000}],
    }
    assert buckets[1]["v13"] == [{"from": 0, "to": 2000}]
    assert after["salt"] == before["salt"]


def test_the_first_to_pass_wins_and_the_other_begins_anew_against_it() -> None:
    bout = two().settle()
    bout.after(600)
    old = bout.rollout("v14")["trial"]
    bout.says = lambda name: GOOD if name == "v13" else OPEN
    bout.after(600)
    assert bout.status["champion"] == "v13"
    assert bout.weights() == {"v13": 90, "v14": 10}
    stands = bout.rollout("v14")
    assert (stands["champion"], stands["step"]) == ("v13", 0)
    assert stands["trial"] != old
    assert bout.status["routing"]["salt"] == stands["trial"]


def test_a_third_brings_back_nobody_who_has_lost() -> None:
    bout = two().settle()
    bout.after(600)
    bout.says = lambda name: {"v13": GOOD, "v14": BAD}.get(name, OPEN)
    bout.after(600)
    assert bout.ends() == [("v13", "Promoted"), ("v14", "GateFailed")]
    bout.says = lambda _: OPEN
    bout.edit(challengers=challengers("v13", "v14", "v15"))
    bout.after(60)
    assert bout.weights() == {"v13": 90, "v15": 10}
    assert bout.state("v14") == "Rejected"
    roles = {v["name"]: v["role"] for v in bout.status["versions"]}
    assert roles["v12"] == "previous"


def test_a_champion_that_was_promoted_before_does_not_return_as_challenger() -> None:
    bout = two().settle()
    bout.after(600)
    bout.says = lambda name: GOOD if name == "v13" else OPEN
    bout.after(600)
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    assert bout.status["champion"] == "v14"
    bout.says = lambda _: OPEN
    bout.after(60)
    assert bout.weights() == {"v14": 100}
    assert bout.state("v13") == "Rejected"


def test_the_spec_may_follow_and_nothing_moves() -> None:
    bout = two().settle()
    bout.after(600)
    bout.says = lambda name: GOOD if name == "v13" else OPEN
    bout.after(600)
    before = bout.status
    bout.edit(champion=a_version("v13"), challengers=challengers("v14"))
    bout.after(5)
    assert "promotion" not in bout.status
    for field in ("champion", "routing", "history", "trials"):
        assert bout.status[field] == before[field]
    assert bout.rollout("v14")["trial"] == before["rollouts"][-1]["trial"]


@pytest.mark.parametrize("gone", ["champion", "promoted"])
def test_a_promotion_is_void_when_its_ground_is_gone(gone: str) -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY)).settle()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    assert bout.status["champion"] == "v13"
    if gone == "champion":
        bout.edit(champion=a_version("v20"))
        expected = "v20"
    else:
        bout.edit(challengers=[])
        expected = "v12"
    bout.after(1)
    bout.after(1)
    assert bout.status["champion"] == expected
    assert "promotion" not in bout.status


def test_other_challengers_come_and_go_without_touching_a_promotion() -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY)).settle()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    bout.says = lambda _: OPEN
    for names in (("v13", "v14"), ("v13", "v14", "v15"), ("v13",)):
        bout.edit(challengers=challengers(*names))
        bout.after(1)
        assert bout.status["champion"] == "v13"


def test_queue_lets_one_at_a_time_into_the_ring() -> None:
    bout = two(onNewChallenger="Queue").settle()
    assert [bout.state(v) for v in ("v13", "v14")] == ["Running", "Queued"]
    assert bout.weights() == {"v12": 90, "v13": 10}
    assert bout.rollout("v13")["thresholds"] == {"harm": 40, "promote": 20}
    bout.says = lambda _: BAD
    bout.after(1)
    bout.says = lambda _: OPEN
    bout.after(1)
    assert bout.ends()[0] == ("v13", "GateFailed")
    assert bout.state("v14") in ("Running", "Rejected")


def test_a_queue_that_comes_late_lets_nobody_have_more_than_there_is() -> None:
    """Two are on trial together already when steps grow that would be too much for both."""
    bout = two().settle()
    steps = [{"weight": 60, "for": "1h"}]
    bout.edit(rollout=a_rollout(steps=steps, onNewChallenger="Queue"))
    bout.after(1)
    assert bout.weights() == {"v13": 60, "v14": 40}


def test_a_broken_one_does_not_hold_up_the_queue() -> None:
    bout = two(onNewChallenger="Queue")
    bout.broken.add("v13")
    bout.settle()
    assert [bout.state(v) for v in ("v13", "v14")] == ["Waiting", "Running"]


def test_replace_puts_a_newcomer_in_the_place_of_who_is_there() -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY, onNewChallenger="Replace")).settle()
    bout.broken.add("v14")
    bout.edit(challengers=challengers("v13", "v14"))
    bout.after(60)
    assert bout.weights() == {"v12": 90, "v13": 10}
    bout.broken.clear()
    bout.after(1)
    bout.after(1)
    assert bout.weights() == {"v12": 90, "v14": 10}
    assert bout.ends() == [("v13", "Replaced")]
    bout.after(60)
    assert bout.state("v13") == "Rejected"


def test_a_newcomer_replaces_wherever_it_stands_in_the_spec() -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY, onNewChallenger="Replace")).settle()
    bout.edit(challengers=challengers("v14", "v13"))
    bout.after(1)
    bout.after(1)
    assert bout.ends() == [("v13", "Replaced")]
    assert bout.weights() == {"v12": 90, "v14": 10}


@pytest.mark.parametrize(
    "change",
    [
        {
            "rollout": a_rollout(
                steps=CANARY,
                gates=[{"name": "e", "metric": "latency", "slo": "1s", "harmRatio": 2}],
            )
        },
        {"traffic": {"stickyBy": {"header": "x-other"}}},
        {"challengers": [a_version("v13", weight=0, resources={"requests": {"cpu": "2"}})]},
        {"champion": a_version("v12", podTemplate={"metadata": {"labels": {"a": "b"}}})},
        {"rollout": a_rollout(steps=CANARY, labels={"maxDelay": "20m"})},
    ],
    ids=["gate", "sticky", "resources", "pod template", "labels"],
)
def test_what_a_trial_compares_may_not_change_under_it(change: dict[str, Any]) -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY)).settle()
    bout.after(600)
    before = bout.rollout("v13")
    bout.edit(**change)
    bout.after(1)
    after = bout.rollout("v13")
    assert after["trial"] != before["trial"]
    assert after.get("step", 0) == 0
    assert bout.status["routing"]["salt"] == after["trial"]


@pytest.mark.parametrize(
    "change",
    [
        {"rollout": a_rollout(steps=STEPS)},
        {"rollout": a_rollout(steps=CANARY, alpha={"harm": 0.01, "promote": 0.01})},
        {"rollout": a_rollout(steps=CANARY, maxDuration="30d", onFail="Pause")},
        {"scaling": {"minReplicas": 2}},
        {"paused": True},
    ],
    ids=["steps", "budgets", "ends", "scaling", "pause"],
)
def test_what_only_changes_the_pace_continues_a_trial(change: dict[str, Any]) -> None:
    bout = Bout(rollout=a_rollout(steps=CANARY)).settle()
    bout.after(60)
    before = bout.rollout("v13")
    bout.edit(**change)
    bout.after(1)
    after = bout.rollout("v13")
    assert (after["trial"], after["thresholds"]) == (before["trial"], before["thresholds"])
