"""What a drift gate looks at."""

from __future__ import annotations

from dataclasses import replace

from dohyo.contract.records import BATCH_REPLICA, BinCounts, WindowRecord
from dohyo.contract.trials import GatePlan
from dohyo_evidence.drift_looks import look

GATE = GatePlan(name="drift", metric="drift")
MOVED = WindowRecord(
    deployment="satisfaction",
    version="v13",
    replica="satisfaction-v13-0",
    started=0,
    ended=1,
    shadow=False,
    requests=2000,
    rows=2000,
    profile="abc",
    features={"age": BinCounts(counts=(1800, 200), reference=(1000, 1000))},
)


def test_inputs_that_have_moved_are_found() -> None:
    assert look(GATE, None, 1, [MOVED])["alarms"] == ["age"]


def test_the_rows_of_a_batch_are_no_requests_of_the_trial() -> None:
    batch = replace(MOVED, replica=f"{BATCH_REPLICA}weekly-7/3")
    seen = look(GATE, None, 1, [batch])
    assert (seen["measured"], seen["breach"]) == (False, False)
