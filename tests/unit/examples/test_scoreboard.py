"""The table of the demo tells what was counted, and hides nobody."""

from __future__ import annotations

from examples.demo.models import SEATS, STRONG, WEAK
from examples.demo.scoreboard import plain, scores
from examples.demo.traffic import NOBODY, Count

STATUS = {
    "versions": [
        {"name": "a", "role": "champion", "weight": 90, "replicas": 2, "readyReplicas": 1},
        {"name": "b", "role": "challenger", "weight": 10, "replicas": 1, "readyReplicas": 1},
    ],
    "rollouts": [
        {"challenger": "b", "verdict": {"outcome": "inconclusive", "reason": "NoData"}},
    ],
}


def a_count(requests: int, errors: int, right: int) -> Count:
    count = Count(requests, errors, right)
    count.seconds.extend([0.001, 0.002, 0.003])
    return count


def test_counts_meet_what_the_ring_says_of_itself() -> None:
    champion, challenger = scores(STATUS, {"a": a_count(100, 20, 60)})
    assert (champion.weight, champion.replicas, champion.requests) == (90, "1/2", 100)
    assert (champion.errors, champion.right, champion.p50_ms) == (20, 75.0, 2.0)
    assert (challenger.requests, challenger.right, challenger.p50_ms) == (0, None, None)
    assert challenger.verdict == "inconclusive NoData"


def test_requests_that_nobody_answered_have_a_line_of_their_own() -> None:
    found = scores(STATUS, {"a": a_count(1, 0, 1), NOBODY: Count(3, 3)})
    assert [(s.version, s.errors) for s in found] == [("a", 0), ("b", 0), (NOBODY, 3)]
    assert "(no answer) 0 %, 0/0 ready, 3 requests, 3 errors" in plain(found)


def test_the_truth_decides_who_sits_where() -> None:
    assert (SEATS["better"].champion, SEATS["better"].challenger) == (WEAK, STRONG)
    assert (SEATS["worse"].champion, SEATS["worse"].challenger) == (STRONG, WEAK)
