"""Manual actions: each is followed once, and tells what became of it."""

from __future__ import annotations

import pytest

from dohyo.verdict.orders import annotation
from tests.builders import a_version
from tests.unit.verdict.bout import BAD, GOOD, OPEN, Bout, a_rollout

CANARY = [{"weight": 10, "for": "10m"}, {"weight": 20, "for": "10m"}]


def a_bout(**fields: object) -> Bout:
    return Bout(rollout=a_rollout(steps=CANARY, **fields)).settle()


def test_promote_needs_no_evidence() -> None:
    bout = a_bout()
    bout.order("promote")
    assert (bout.status["champion"], bout.ends()) == ("v13", [("v13", "PromotedByHand")])
    assert "OrderTaken: v13 is promoted by hand" in bout.events


def test_promote_works_without_a_rollout_and_leaves_the_spec() -> None:
    bout = Bout(rollout=None)
    bout.raw["spec"].pop("rollout")
    bout.settle()
    bout.order("promote", "v13")
    assert (bout.status["champion"], bout.weights()) == ("v13", {"v13": 100})


def test_abort_lasts_until_retry() -> None:
    bout = a_bout()
    first = bout.rollout("v13")["trial"]
    bout.order("abort", "v13")
    bout.after(3600)
    assert (bout.weights(), bout.state("v13")) == ({"v12": 100}, "Rejected")
    bout.order("retry", "v13")
    bout.after(1)
    bout.after(1)
    bout.after(1)
    assert bout.weights() == {"v12": 90, "v13": 10}
    assert bout.rollout("v13")["trial"] != first
    assert bout.rollout("v13")["attempt"] == 2


def test_pause_holds_the_step_and_resume_goes_on_where_it_was() -> None:
    bout = a_bout()
    bout.after(300)
    bout.order("pause")
    bout.says = lambda _: GOOD
    bout.after(86_400)
    assert (bout.weights(), bout.rollout("v13")["pausedBy"]) == ({"v12": 90, "v13": 10}, "Hand")
    bout.order("resume")
    bout.after(299)
    assert bout.rollout("v13").get("step", 0) == 0
    bout.after(2)
    assert bout.rollout("v13")["step"] == 1


def test_a_failed_gate_counts_while_paused_by_hand() -> None:
    bout = a_bout()
    bout.order("pause")
    bout.says = lambda _: BAD
    bout.after(1)
    assert bout.ends() == [("v13", "GateFailed")]


def test_undo_brings_back_who_served_before_at_once() -> None:
    bout = a_bout()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    assert bout.status["champion"] == "v13"
    epoch = bout.status["routing"]["epoch"]
    bout.order("undo")
    assert (bout.status["champion"], bout.weights()) == ("v12", {"v12": 100})
    assert bout.status["routing"]["epoch"] > epoch
    assert bout.ends()[-1] == ("v13", "Undone")
    assert bout.state("v13") == "Rejected"


def test_the_loser_stays_warm_for_a_while_and_then_sleeps() -> None:
    bout = a_bout()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    assert "v12" in {v["name"] for v in bout.status["versions"]}
    bout.after(590)
    assert "v12" in {v["name"] for v in bout.status["versions"]}
    bout.after(20)
    bout.after(20)
    assert "v12" not in {v["name"] for v in bout.status["versions"]}
    bout.order("undo")
    bout.after(1)
    bout.after(1)
    assert bout.weights() == {"v12": 100}


def test_the_loser_stays_warm_although_the_spec_has_followed() -> None:
    bout = a_bout()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    bout.edit(champion=a_version("v13"), challengers=[])
    bout.after(60)
    kept = {v["name"]: v["role"] for v in bout.status["versions"]}
    assert kept == {"v13": "champion", "v12": "previous"}
    bout.edit(champion=a_version("v12"), challengers=[])
    bout.settle()
    assert bout.weights() == {"v12": 100}


def test_who_serves_again_is_not_kept_warm_when_another_takes_its_place() -> None:
    bout = a_bout()
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    bout.order("undo")
    bout.settle()
    bout.edit(champion=a_version("v14"), challengers=[])
    bout.after(60)
    bout.after(60)
    assert {v["name"] for v in bout.status["versions"]} == {"v14"}


def test_resume_promotes_whoever_waited_for_it() -> None:
    bout = a_bout(onPass="Pause")
    bout.says = lambda _: GOOD
    bout.after(600)
    bout.after(600)
    assert bout.rollout("v13")["pausedBy"] == "Passed"
    bout.order("resume")
    assert bout.status["champion"] == "v13"


def test_resume_gives_an_undecided_trial_its_time_once_more() -> None:
    bout = a_bout(maxDuration="2h")
    for _ in range(5):
        bout.after(1800)
    assert bout.rollout("v13")["pausedBy"] == "Inconclusive"
    bout.order("resume")
    bout.after(7000)
    assert bout.state("v13") == "Running"
    bout.after(300)
    assert bout.rollout("v13")["pausedBy"] == "Inconclusive"


@pytest.mark.parametrize(
    ("action", "value", "words"),
    [
        ("promote", "v99", "promote v99: is no challenger; there are: v13"),
        ("retry", "v13", "retry v13: nobody is out of the ring; whoever was aborted"),
        ("retry", "true", "retry: nobody is out of the ring; whoever was aborted"),
        ("undo", "true", "undo: no promotion overrides spec.champion"),
        ("resume", "true", "resume: nothing is paused"),
    ],
)
def test_an_order_that_cannot_be_followed_says_why(action: str, value: str, words: str) -> None:
    bout = a_bout()
    bout.settle()
    before = {k: v for k, v in bout.status.items() if k != "orders"}
    bout.order(action, value)
    assert any(e.startswith(f"OrderRefused: {words}") for e in bout.events), bout.events
    assert {k: v for k, v in bout.status.items() if k != "orders"} == before


def test_an_annotation_that_stays_is_followed_once() -> None:
    bout = a_bout()
    metadata = {**bout.raw["metadata"], "annotations": {annotation("abort"): "v13"}}
    bout.raw = {**bout.raw, "metadata": metadata}
    bout.settle()
    bout.raw = {
        **bout.raw,
        "metadata": {
            **metadata,
            "annotations": {**metadata["annotations"], annotation("retry"): "v13"},
        },
    }
    bout.settle()
    bout.after(60)
    assert bout.state("v13") == "Running"
    assert [e for e in bout.events if e.startswith("OrderTaken: v13 is aborted")] == [
        "OrderTaken: v13 is aborted; retry lets it begin anew"
    ]


def test_the_only_challenger_need_not_be_named_but_one_of_two_must() -> None:
    bout = Bout(challengers=("v13", "v14"), rollout=a_rollout(steps=CANARY)).settle()
    bout.order("promote")
    assert any("promote: there are v13, v14; name one of them" in e for e in bout.events)
    bout.order("promote", "v14")
    assert bout.status["champion"] == "v14"
    bout.says = lambda _: OPEN
