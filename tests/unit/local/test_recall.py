"""What the next ring believes of what the last one has seen."""

from __future__ import annotations

from dohyo.local.recall import recalled


def test_decisions_stay_and_sights_go() -> None:
    left = {
        "metadata": {"name": "m"},
        "spec": {"paused": True},
        "status": {
            "champion": "v1",
            "history": [{"outcome": "Promoted"}],
            "versions": [{"name": "v1", "weight": 100, "replicas": 2, "readyReplicas": 2}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    assert recalled(left) == {
        **left,
        "status": {
            "champion": "v1",
            "history": [{"outcome": "Promoted"}],
            "versions": [{"name": "v1", "weight": 100, "replicas": 2, "readyReplicas": 0}],
            "conditions": [],
        },
    }


def test_what_was_never_seen_is_left_alone() -> None:
    assert recalled({"metadata": {"name": "m"}}) == {"metadata": {"name": "m"}}
