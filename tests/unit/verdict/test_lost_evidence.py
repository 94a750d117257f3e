"""An evidence service that has lost its database makes new trials, and no decision."""

from __future__ import annotations

from tests.unit.verdict.bout import BAD, GOOD, OPEN, Bout, a_rollout

BEFORE, AFTER = 1_700_000_000.0, 1_700_000_100.0


def on_trial(*challengers: str, **rollout: object) -> Bout:
    bout = Bout(challengers=challengers or ("v13",), rollout=a_rollout(**rollout))
    bout.since = BEFORE
    return bout.settle()


def test_what_the_service_has_known_since_then_goes_on() -> None:
    bout = on_trial()
    trial = bout.rollout("v13")["trial"]
    bout.after(700)
    bout.since = BEFORE + 0.4  # within the second that the status tells
    bout.after(700)
    assert (bout.rollout("v13")["trial"], bout.rollout("v13")["step"]) == (trial, 2)
    assert bout.rollout("v13")["evidenceSince"] == "2023-11-14T22:13:20Z"


def test_a_service_that_does_not_say_since_when_loses_nothing() -> None:
    bout = on_trial()
    trial = bout.rollout("v13")["trial"]
    bout.since = None
    bout.after(700)
    assert bout.rollout("v13")["trial"] == trial


def test_a_lost_trial_begins_anew_whatever_the_rest_of_it_says() -> None:
    for said in (OPEN, BAD, GOOD):
        bout = on_trial()
        first = bout.rollout("v13")
        bout.after(1_300)
        bout.since, bout.says = AFTER, lambda _, said=said: said  # type: ignore[misc]
        bout.step()
        second = bout.rollout("v13")
        assert second["trial"] != first["trial"]
        assert (second["step"], second["attempt"]) == (0, 2)
        assert "evidenceSince" not in second
        assert bout.ends() == [("v13", "EvidenceLost")]
        assert bout.status["routing"]["salt"] == second["trial"]
        assert bout.status["champion"] == "v12"
        assert any(e.startswith("EvidenceLost: v13 against v12") for e in bout.events)
        # The new one is heard of since then, and goes on.
        bout.says = lambda _: OPEN
        bout.settle().after(700)
        assert bout.rollout("v13")["trial"] == second["trial"]
        assert bout.status["ended"] == {"EvidenceLost": 1}


def test_all_that_were_lost_begin_anew_together_on_a_new_line() -> None:
    bout = on_trial("v13", "v14", steps=[{"weight": 20, "for": "1h"}])
    before = {r["trial"] for r in bout.status["rollouts"]}
    salt = bout.status["routing"]["salt"]
    bout.since = AFTER
    bout.after(10)
    after = {r["trial"] for r in bout.status["rollouts"]}
    assert len(after) == 2
    assert not before & after
    assert bout.status["routing"]["salt"] != salt
    assert bout.ends() == [("v13", "EvidenceLost"), ("v14", "EvidenceLost")]


def test_a_trial_that_has_passed_and_waits_for_somebody_keeps_that() -> None:
    bout = on_trial(onPass="Pause", steps=[{"weight": 20, "for": "1m"}])
    bout.says = lambda _: GOOD
    bout.after(120)
    waiting = bout.rollout("v13")
    assert waiting["pausedBy"] == "Passed"
    bout.since, bout.says = AFTER, lambda _: OPEN
    bout.after(60)
    assert bout.rollout("v13")["trial"] == waiting["trial"]
    bout.order("resume")
    assert bout.ends() == [("v13", "Promoted")]
