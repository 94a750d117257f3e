"""Bouts in a ring: evidence is asked for, and the manual actions work as on a cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.until import until
from tests.local.ring.house import NAME, a_spec

if TYPE_CHECKING:
    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(240)

ROLLOUT = {
    "steps": [{"weight": 20, "for": "1h"}, {"weight": 50, "for": "1h"}],
    "gates": [{"name": "errors", "metric": "error-rate", "harmRatio": 2.0}],
}


def ordered(house: House, *words: str) -> Any:
    done = house.command(*words, "--state", str(house.state), "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_bout_is_asked_about_and_decided_by_hand(shared: House) -> None:
    shared.write(a_spec("one", ("two", 0), rollout=ROLLOUT))
    shared.until_shares(one=80, two=20)
    # The service runs on SQLite, is told of the trial, and says that it knows nothing yet.
    until("a database", (shared.state / "evidence" / "evidence.db").is_file, seconds=30)
    until("the gates have been asked", lambda: outcome(shared), ("inconclusive").__eq__, seconds=60)
    assert "GateError" not in shared.said()

    ordered(shared, "abort", NAME, "two")
    shared.until_shares(one=100, two=0)
    assert ordered(shared, "history", NAME)[0]["outcome"] == "Aborted"
    ordered(shared, "retry", NAME, "two")
    shared.until_shares(one=80, two=20)

    ordered(shared, "promote", NAME)
    until("the challenger serves", lambda: champion(shared), ("two").__eq__, seconds=30)
    assert shared.resource()["spec"]["champion"]["name"] == "one"
    assert not shared.resource()["metadata"].get("annotations")
    history = ordered(shared, "history", NAME)
    assert json.dumps(history).count("two")

    ordered(shared, "undo", NAME)
    until("the former champion serves", lambda: champion(shared), ("one").__eq__, seconds=30)
    assert shared.shares().get("two", 0) == 0

    # Else it would stay out of every later story of this ring.
    ordered(shared, "retry", NAME, "two")
    shared.until_shares(one=80, two=20)


def test_an_order_that_makes_no_sense_is_refused(shared: House) -> None:
    done = shared.command("promote", NAME, "nobody", "--state", str(shared.state))
    assert done.returncode == 1
    assert "nobody" in done.stderr


def outcome(house: House) -> str:
    (rollout,) = house.resource()["status"]["rollouts"]
    return str(rollout.get("verdict", {}).get("outcome"))


def champion(house: House) -> str:
    return str(house.resource()["status"]["champion"])
