"""Weights by Thompson sampling: as proposed, but nobody below the floor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.api.rollout import RolloutSpec
from dohyo.verdict.shares import floored
from tests.builders import a_version
from tests.unit.verdict.bout import GOOD, OPEN, Bout, a_rollout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.verdict.evidence import Evidence

BANDIT = a_rollout(steps=[], allocation="bandit")


def a_bandit(*challengers: str, **fields: object) -> Bout:
    return Bout(challengers=challengers, rollout={**BANDIT, **fields})


def proposing(bout: Bout, shares: Mapping[str, float]) -> None:
    def known(b: Bout) -> Evidence:
        found = Bout.known(replaced(b))
        assert found.report is not None
        return replace(found, report=replace(found.report, allocation=shares))

    def replaced(b: Bout) -> Bout:
        b.reports_for = None
        return b

    def asked(b: Bout) -> Evidence:
        found = known(b)
        b.reports_for = asked
        return found

    bout.reports_for = asked


def test_it_begins_at_the_floor_and_follows_what_is_proposed() -> None:
    bout = a_bandit("v13").settle()
    assert bout.weights() == {"v12": 90, "v13": 10}
    proposing(bout, {"v12": 0.4, "v13": 0.6})
    bout.after(1)
    assert bout.weights() == {"v12": 40, "v13": 60}


def test_weights_are_drawn_for_a_batch_and_not_at_every_look() -> None:
    bout = a_bandit("v13").settle()
    proposing(bout, {"v12": 0.4, "v13": 0.6})
    bout.after(1)
    proposing(bout, {"v12": 0.7, "v13": 0.3})
    bout.after(59)
    assert bout.weights()["v13"] == 60
    bout.after(1)
    assert bout.weights()["v13"] == 30


def test_the_verdict_still_comes_from_the_gates() -> None:
    bout = a_bandit("v13").settle()
    proposing(bout, {"v12": 0.05, "v13": 0.95})
    bout.after(120)
    assert bout.weights() == {"v12": 10, "v13": 90}
    bout.says = lambda _: GOOD
    bout.after(1)
    assert (bout.status["champion"], bout.ends()) == ("v13", [("v13", "Promoted")])


def test_newcomers_never_take_what_is_not_there() -> None:
    bout = a_bandit("v13", bandit={"floor": 40}).settle()
    proposing(bout, {"v12": 0.0, "v13": 1.0})
    bout.after(1)
    assert bout.weights() == {"v12": 40, "v13": 60}
    names = ("v13", "v14", "v15", "v16")
    bout.edit(challengers=[a_version(name, weight=0) for name in names])
    bout.after(5)
    bout.after(5)
    weights = bout.weights()
    assert weights.keys() == {"v12", *names}
    assert sum(weights.values()) == pytest.approx(100)
    assert min(weights.values()) >= 19.9


def test_several_share_the_line() -> None:
    bout = a_bandit("v13", "v14").settle()
    assert bout.weights() == {"v12": 80, "v13": 10, "v14": 10}
    proposing(bout, {"v12": 0.1, "v13": 0.85, "v14": 0.05})
    bout.after(1)
    weights = bout.weights()
    assert weights["v14"] == 10
    assert weights["v12"] >= 10
    assert weights["v13"] > 70
    bout.says = lambda _: OPEN


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8),
    st.floats(0, 50),
    st.floats(20, 100),
)
def test_floors_hold_for_all_and_nothing_is_given_twice(
    raw: list[float], floor: float, room: float
) -> None:
    whole = max(1.0, sum(raw))
    proposed = {f"v{i}": share / whole for i, share in enumerate(raw)}
    rollout = RolloutSpec.model_validate({"allocation": "bandit", "bandit": {"floor": floor}})
    found = floored(proposed, room, rollout)
    least = min(floor, room / (len(raw) + 1))
    assert all(weight >= least - 0.011 for weight in found.values())
    assert room - sum(found.values()) >= least - 1e-9


@pytest.mark.parametrize("floor", [0.0, 10.0])
def test_a_proposal_above_all_floors_is_kept(floor: float) -> None:
    rollout = RolloutSpec.model_validate({"allocation": "bandit", "bandit": {"floor": floor}})
    assert floored({"a": 0.25, "b": 0.5}, 100, rollout) == {"a": 25.0, "b": 50.0}
