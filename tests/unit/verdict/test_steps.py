"""From shadow to champion: what the clock and the gates decide together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dohyo.contract.evidence import STATE_ERROR, STATE_NO_DATA, GuardReport
from dohyo.verdict.evidence import Evidence, Latency
from tests.unit.verdict.bout import BAD, GOOD, OPEN, Bout, a_gate, a_rollout

if TYPE_CHECKING:
    from dohyo.contract.evidence import GateReport

NOTHING = (
    a_gate("errors", state=STATE_NO_DATA, units=0),
    a_gate("quality", state=STATE_NO_DATA, units=0),
)
LOST = (a_gate("errors"), a_gate("quality", state=STATE_ERROR, message="the database is away"))


def test_a_challenger_goes_through_its_steps_and_is_promoted() -> None:
    bout = Bout().settle()
    assert (bout.weights(), bout.shadows()) == ({"v12": 100}, {"v13": 100})
    bout.says = lambda _: GOOD
    bout.after(600)
    assert (bout.weights(), bout.shadows()) == ({"v12": 95, "v13": 5}, {})
    bout.after(600)
    assert bout.weights() == {"v12": 50, "v13": 50}
    bout.after(1799)
    assert bout.weights() == {"v12": 50, "v13": 50}
    bout.after(1)
    assert (bout.weights(), bout.status["champion"]) == ({"v13": 100}, "v13")
    assert bout.spec["champion"]["name"] == "v12"
    assert bout.ends() == [("v13", "Promoted")]


def test_no_weight_before_the_first_readiness() -> None:
    bout = Bout(rollout=a_rollout(steps=[{"weight": 20, "for": "1m"}]))
    bout.broken.add("v13")
    bout.settle()
    bout.after(3600)
    assert (bout.weights(), bout.state("v13")) == ({"v12": 100}, "Waiting")
    bout.broken.clear()
    bout.after(1)
    bout.after(1)
    assert (bout.weights(), bout.state("v13")) == ({"v12": 80, "v13": 20}, "Running")


@pytest.mark.parametrize("said", [OPEN, NOTHING, LOST, None], ids=["open", "no data", "error", "-"])
def test_what_does_not_decide_never_promotes_and_never_rolls_back(
    said: tuple[GateReport, ...] | None,
) -> None:
    bout = Bout().settle()
    bout.says = lambda _: said
    for _ in range(30):
        bout.after(3600)
    assert (bout.ends(), bout.status["champion"]) == ([], "v12")


def test_a_step_does_not_end_while_a_gate_is_in_error() -> None:
    bout = Bout().settle()
    bout.says = lambda _: LOST
    bout.after(3600)
    assert bout.rollout("v13")["step"] == 0
    assert bout.rollout("v13")["verdict"]["outcome"] == "error"
    bout.says = lambda _: OPEN
    bout.after(1)
    assert bout.rollout("v13")["step"] == 1


def test_no_service_is_an_error_that_says_so() -> None:
    bout = Bout().settle()
    bout.reports_for = lambda _: Evidence(asked=True, problem="evidence: connection refused")
    bout.after(3600)
    verdict = bout.rollout("v13")["verdict"]
    assert (verdict["outcome"], verdict["message"]) == (
        "error",
        "errors: evidence: connection refused",
    )
    fresh = next(c for c in bout.status["conditions"] if c["type"] == "EvidenceFresh")
    assert (fresh["status"], fresh["reason"]) == ("False", "EvidenceStale")


def test_before_anybody_was_asked_the_last_verdict_stands() -> None:
    bout = Bout().settle()
    bout.says = lambda _: GOOD
    bout.after(10)
    before = bout.rollout("v13")["verdict"]
    bout.reports_for = lambda _: Evidence(asked=False)
    bout.after(60)
    assert bout.rollout("v13")["verdict"] == before


def test_a_broken_comparison_decides_nothing() -> None:
    bout = Bout().settle()
    bout.says = lambda _: BAD

    trial = bout.rollout("v13")["trial"]
    report = Bout.known(bout).report
    assert report is not None
    broken = replace(
        report.trials[0], guard=GuardReport("violated", "3 entities answered by the other version")
    )
    bout.reports_for = lambda _: Evidence(asked=True, report=replace(report, trials=(broken,)))
    bout.after(3600)
    verdict = bout.rollout("v13")["verdict"]
    assert (verdict["outcome"], verdict["reason"]) == ("error", "SampleRatio")
    assert (bout.ends(), bout.rollout("v13")["trial"]) == ([], trial)


def test_a_failed_gate_rolls_back_at_any_step() -> None:
    for step in range(3):
        bout = Bout().settle()
        for _ in range(step):
            bout.after(600)
        bout.says = lambda _: BAD
        bout.after(5)
        assert (bout.weights(), bout.ends()) == ({"v12": 100}, [("v13", "GateFailed")])
        assert bout.state("v13") == "Rejected"
        said = bout.status["history"][0]["evidence"]["verdict"]["message"]
        assert "e-value 50 >= 40" in said


def test_a_null_that_was_rejected_stays_rejected() -> None:
    bout = Bout().settle()
    bout.says = lambda _: (a_gate("errors", good=30), a_gate("quality"))
    bout.after(5)
    bout.says = lambda _: (a_gate("errors", good=2), a_gate("quality", good=30))
    for _ in range(4):
        bout.after(1800)
    assert bout.ends() == [("v13", "Promoted")]


def test_a_dry_run_neither_fails_nor_holds_up() -> None:
    dry = {"name": "errors", "metric": "error-rate", "harmRatio": 1.5, "dryRun": True}
    quality = {"name": "quality", "metric": "loss", "loss": "zero-one"}
    bout = Bout(rollout=a_rollout(gates=[dry, quality])).settle()
    bout.says = lambda _: (a_gate("errors", harm=1e6), a_gate("quality", good=30))
    for _ in range(4):
        bout.after(1800)
    assert bout.ends() == [("v13", "Promoted")]
    assert any(e.startswith("GateFailed: v13, gate errors (dry run)") for e in bout.events)


def test_a_guard_without_a_margin_passes_as_not_shown_harmful_after_enough_units() -> None:
    guard = {"name": "errors", "metric": "error-rate", "harmRatio": 1.5}
    bout = Bout(rollout=a_rollout(gates=[guard])).settle()
    bout.says = lambda _: (a_gate("errors", pass_=(), units=99),)
    bout.after(5)
    gate = bout.rollout("v13")["verdict"]["gates"][0]
    assert (gate["outcome"], gate["reason"]) == ("inconclusive", "TooFewUnits")
    bout.says = lambda _: (a_gate("errors", pass_=(), units=100),)
    bout.after(5)
    gate = bout.rollout("v13")["verdict"]["gates"][0]
    assert (gate["outcome"], gate["reason"]) == ("passed", "NotShownHarmful")


def test_without_a_deciding_gate_nobody_is_promoted() -> None:
    bout = Bout(rollout=a_rollout(gates=[])).settle()
    for _ in range(5):
        bout.after(1800)
    assert (bout.ends(), bout.rollout("v13")["verdict"]["reason"]) == ([], "NoGate")


@pytest.mark.parametrize(
    ("fields", "said", "expected"),
    [
        ({"onPass": "Pause"}, GOOD, ("Paused", "Passed")),
        ({"onFail": "Pause"}, BAD, ("Paused", "Failed")),
        ({"onInconclusive": "Pause"}, OPEN, ("Paused", "Inconclusive")),
    ],
)
def test_an_end_may_ask_to_wait(
    fields: dict[str, str], said: tuple[GateReport, ...], expected: tuple[str, str]
) -> None:
    bout = Bout(rollout=a_rollout(maxDuration="2h", **fields)).settle()
    bout.says = lambda _: said
    for _ in range(5):
        bout.after(1800)
    stands = bout.rollout("v13")
    assert (stands["state"], stands["pausedBy"]) == expected
    assert (bout.ends(), bout.status["champion"]) == ([], "v12")
    paused = next(c for c in bout.status["conditions"] if c["type"] == "Paused")
    assert paused["reason"] == "PausedByVerdict"


def test_out_of_time_may_roll_back_but_not_in_error() -> None:
    bout = Bout(rollout=a_rollout(maxDuration="2h", onInconclusive="Rollback")).settle()
    bout.says = lambda _: LOST
    bout.after(3 * 3600)
    assert bout.ends() == []
    bout.says = lambda _: OPEN
    for _ in range(4):
        bout.after(1)
    assert bout.ends() == [("v13", "Inconclusive")]


def test_the_spec_pauses_everything_and_the_time_does_not_count() -> None:
    bout = Bout(rollout=a_rollout(maxDuration="2h", onInconclusive="Rollback")).settle()
    bout.after(300)
    bout.edit(paused=True)
    bout.settle()
    bout.says = lambda _: BAD
    bout.after(86_400)
    assert (bout.ends(), bout.rollout("v13")["pausedBy"]) == ([], "Spec")
    bout.edit(paused=False)
    bout.says = lambda _: OPEN
    bout.settle()
    bout.after(299)
    assert bout.rollout("v13")["step"] == 0
    bout.after(2)
    assert bout.rollout("v13")["step"] == 1


def test_steps_and_their_weights_may_be_edited_in_mid_trial() -> None:
    bout = Bout(rollout=a_rollout(steps=[{"weight": 10, "for": "1h"}])).settle()
    trial = bout.rollout("v13")["trial"]
    bout.edit(rollout=a_rollout(steps=[{"weight": 20, "for": "1h"}, {"weight": 30, "for": "1h"}]))
    bout.after(1)
    assert (bout.weights()["v13"], bout.rollout("v13")["trial"]) == (20, trial)


def test_numbers_alone_are_written_every_ten_seconds_and_outcomes_at_once() -> None:
    bout = Bout().settle()
    bout.after(1)
    written = bout.rollout("v13")["verdict"]
    bout.says = lambda _: (a_gate("errors", harm=2), a_gate("quality"))
    bout.after(5)
    assert bout.rollout("v13")["verdict"] == written
    bout.after(6)
    assert bout.rollout("v13")["verdict"]["gates"][0]["eHarm"] == 2
    bout.says = lambda _: BAD
    bout.after(1)
    assert bout.ends() == [("v13", "GateFailed")]


def test_labels_that_come_late_are_advice() -> None:
    bout = Bout().settle()
    report = Bout.known(bout).report
    assert report is not None
    slow = replace(report.trials[0], proposed_max_delay_seconds=5 * 3600.0)
    bout.reports_for = lambda _: Evidence(asked=True, report=replace(report, trials=(slow,)))
    bout.after(60)
    assert bout.rollout("v13")["verdict"]["advice"] == (
        "labels take longer than labels.maxDelay 10m; by the delays of both versions it should "
        "be 5h"
    )


def test_a_quantile_is_frozen_when_the_trial_begins() -> None:
    gate = {"name": "slow", "metric": "latency", "cut": "p90", "slo": "1s", "harmRatio": 2}
    counts = ((0.1, 80), (0.2, 100), (float("inf"), 100))
    bout = Bout(rollout=a_rollout(gates=[gate]))

    def knowing(times: int) -> None:
        latency = Latency(tuple((bound, count * times) for bound, count in counts))
        bout.evidence = Evidence(asked=True, latencies={"v12": latency})

    knowing(1)
    bout.settle()
    assert bout.state("v13") == "Waiting"
    assert "freeze its p90 (at least 200) from" in bout.rollout("v13")["message"]
    assert "slowSeconds" not in bout.status["routing"]
    knowing(2)
    bout.after(1)
    assert bout.rollout("v13")["cuts"] == {"slow": 0.15}
    assert bout.status["routing"]["slowSeconds"] == 0.15
    trial = bout.rollout("v13")["trial"]
    knowing(50)
    bout.after(60)
    assert (bout.rollout("v13")["trial"], bout.rollout("v13")["cuts"]) == (trial, {"slow": 0.15})
