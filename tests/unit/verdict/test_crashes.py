"""An operator may die anywhere, and look as often or as rarely as it likes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dohyo.contract import BUCKETS, routing_from_status
from dohyo.contract.evidence import STATE_NO_DATA
from dohyo.verdict.evidence import Evidence
from tests.builders import a_version
from tests.unit.verdict.bout import BAD, GOOD, OPEN, Bout, a_gate, a_rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dohyo.contract.evidence import GateReport

STEPS = [{"shadow": 50, "for": "1m"}, {"weight": 10, "for": "2m"}, {"weight": 20, "for": "2m"}]
NOTHING = tuple(a_gate(n, state=STATE_NO_DATA, units=0) for n in ("errors", "quality"))
SAID: dict[str, tuple[GateReport, ...] | None] = {
    "open": OPEN,
    "good": GOOD,
    "bad": BAD,
    "nothing": NOTHING,
    "unknown": None,
}

happenings = st.lists(
    st.tuples(
        st.sampled_from([1, 7, 61, 130, 1000]),
        st.dictionaries(st.sampled_from(["v13", "v14"]), st.sampled_from(sorted(SAID)), max_size=2),
        st.sampled_from(["", "", "", "pause", "resume", "promote v13", "abort v14", "retry v14"]),
    ),
    min_size=1,
    max_size=8,
)
few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def two(**fields: Any) -> Bout:
    return Bout(challengers=("v13", "v14"), rollout=a_rollout(steps=STEPS, **fields)).settle()


def _saying(said: Mapping[str, str]) -> Callable[[str], tuple[GateReport, ...] | None]:
    return lambda name: SAID[said.get(name, "open")]


def live_through(bout: Bout, happened: Any, *, crashes: bool) -> dict[str, Any]:
    for seconds, said, order in happened:
        bout.says = _saying(said)
        if crashes:
            # A pass that was planned and never stored, and then the one that counts.
            bout.one_pass(bout.now)
        bout.after(seconds)
        if order:
            action, _, value = order.partition(" ")
            bout.order(action, value)
        if crashes:
            bout.raw = copy.deepcopy(bout.raw)
            unasked, bout.reports_for = bout.reports_for, lambda _: Evidence(asked=False)
            bout.settle()
            bout.reports_for = unasked
            bout.settle()
    return bout.status


@few
@given(happenings)
def test_dying_between_any_two_writes_changes_nothing(happened: Any) -> None:
    assert live_through(two(), happened, crashes=True) == live_through(
        two(), happened, crashes=False
    )


@few
@given(happenings)
def test_whatever_happens_the_table_is_right_and_the_status_small(happened: Any) -> None:
    bout = two()
    live_through(bout, happened, crashes=False)
    for table in bout.tables:
        owned = [b for v in table.versions for start, end in v.buckets for b in range(start, end)]
        assert len(owned) == len(set(owned)) <= BUCKETS
    assert len(json.dumps(bout.status)) < 64 * 1024
    assert len(bout.status.get("history", ())) <= 10


@few
@given(st.lists(st.sampled_from([1, 59, 61, 600, 86_400]), min_size=1, max_size=10))
def test_no_data_moves_nobody_but_by_steps(waits: list[int]) -> None:
    bout = two(onInconclusive="Pause")
    bout.says = lambda _: NOTHING
    for seconds in waits:
        bout.after(seconds)
    assert (bout.ends(), bout.status["champion"]) == ([], "v12")


@few
@given(happenings)
def test_within_a_trial_a_challenger_only_gains_buckets(happened: Any) -> None:
    """And the salt changes only when nobody goes on."""
    bout = two()
    live_through(bout, happened, crashes=False)
    for before, after in zip(bout.tables, bout.tables[1:], strict=False):
        going_on = set(before.trial.split("+")) & set(after.trial.split("+")) - {"none"}
        if going_on:
            assert before.salt == after.salt
        for old in before.versions:
            new = next((v for v in after.versions if v.name == old.name), None)
            if new and old.buckets and new.buckets and before.trial == after.trial:
                was, now = old.buckets[0], new.buckets[0]
                assert was[0] == now[0]
                assert now[1] >= was[1]


def test_a_status_full_of_words_still_fits() -> None:
    names = [f"v{i}" for i in range(20, 28)]
    gates = [
        {"name": f"gate-{i}", "metric": "error-rate", "harmRatio": 2, "margin": {"ratio": 2}}
        for i in range(16)
    ]
    bout = Bout(
        challengers=tuple(names),
        rollout=a_rollout(steps=[{"weight": 1, "for": "1m"}], gates=gates),
    ).settle()
    reports = tuple(a_gate(f"gate-{i}", message="ü" * 400) for i in range(16))
    bout.says = lambda _: reports
    bout.after(30)
    assert len(json.dumps(bout.status, ensure_ascii=False).encode()) <= 64 * 1024
    bad = (replace(reports[0], fail=tuple(replace(c, peak=1e9) for c in reports[0].fail)),)
    for _ in range(12):
        bout.says = lambda _: (*bad, *reports[1:])
        bout.after(60)
        bout.edit(challengers=[a_version(f"w{bout.now.timestamp():.0f}", weight=0)])
        bout.says = lambda _: reports
        bout.after(60)
    size = len(json.dumps(bout.status, ensure_ascii=False).encode())
    assert size <= 64 * 1024
    for entry in bout.status["history"]:
        assert len(json.dumps(entry["evidence"], ensure_ascii=False).encode()) <= 2048


def test_a_promotion_survives_a_death_before_the_new_champion_serves() -> None:
    """The decision is in the status before any traffic moves."""
    bout = Bout(rollout=a_rollout(steps=[{"weight": 20, "for": "1m"}])).settle()
    bout.says = lambda _: GOOD
    bout.now = bout.now.replace(minute=bout.now.minute + 2)
    bout.alive = {**bout.alive, "v13": 0}
    bout.step()
    assert bout.status["promotion"]["name"] == "v13"
    assert bout.status["champion"] == "v12"
    table = routing_from_status(bout.status["routing"])
    assert table.share("v13") == 2000
    bout.says = lambda _: None
    bout.settle()
    assert (bout.status["champion"], bout.weights()) == ("v13", {"v13": 100})
    assert bout.ends() == [("v13", "Promoted")]
