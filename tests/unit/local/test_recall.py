"""What the next ring believes of what the last one has seen."""

from __future__ import annotations

import pytest

from dohyo.local.recall import is_decided, is_rebound, recalled


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


def a_resource(build: str, **status: object) -> dict[str, object]:
    champion = {"name": "v1", "bento": "m:v1", "image": f"file:///store/m/v1:{build}"}
    return {"metadata": {"name": "m"}, "spec": {"champion": champion}, "status": status}


def test_a_name_for_another_build_is_noticed() -> None:
    assert is_rebound(a_resource("b"), a_resource("a"))
    assert not is_rebound(a_resource("a"), a_resource("a"))
    # The spec has let go of the version that the status still knows.
    version = {"name": "v1", "role": "previous", "bento": "m:v1", "state": "Draining"}
    known = a_resource("b", versions=[{**version, "content": "0123456789abcdef"}])
    assert is_rebound(a_resource("b"), known)


@pytest.mark.parametrize(
    ("status", "decided"),
    [
        ({}, False),
        ({"champion": "v1", "versions": [{"name": "v1"}], "history": []}, False),
        ({"rollouts": [{"challenger": "v2", "state": "Waiting"}]}, False),
        ({"rollouts": [{"challenger": "v2", "startedAt": "2026-11-25T08:00:00Z"}]}, True),
        ({"history": [{"outcome": "Promoted"}]}, True),
        ({"promotion": {"name": "v2"}}, True),
        ({"rejections": [{"name": "v2"}]}, True),
    ],
)
def test_what_has_taken_evidence_is_a_decision(status: dict[str, object], decided: bool) -> None:
    assert is_decided({"status": status}) is decided
