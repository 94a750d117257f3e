"""What `dohyo status` and `dohyo history` say of rollouts."""

from __future__ import annotations

from typing import Any

from dohyo.cli.history import told
from dohyo.cli.standing import described
from tests.builders import NOW, a_manifest, later

GATE = {
    "name": "quality",
    "outcome": "inconclusive",
    "message": "challenger loss 0.1 vs champion 0.11 over 900 labelled units",
    "eHarm": 0.5,
    "ePass": 12.0,
}
TRIAL = {
    "challenger": "v13",
    "state": "Paused",
    "pausedBy": "Inconclusive",
    "trial": "t1",
    "step": 1,
    "verdict": {"outcome": "inconclusive", "message": "quality: not yet", "gates": [GATE]},
}
OUT = {"challenger": "v14", "state": "Rejected", "message": "GateFailed; retry lets it in again"}
ENDED = {
    "champion": "v12",
    "challenger": "v14",
    "outcome": "GateFailed",
    "at": "2026-11-22T10:00:00Z",
    "evidence": {"verdict": {"outcome": "failed", "message": "errors: e-value 50 >= 40"}},
}


def a_resource(**status: Any) -> dict[str, Any]:
    return {**a_manifest(challengers={"v13": 0}), "status": status}


def test_a_reader_sees_where_each_challenger_stands_and_why() -> None:
    lines = [
        " ".join(line.split())
        for text in described(a_resource(rollouts=[TRIAL, OUT]), NOW)
        for line in text.splitlines()
    ]
    assert "v13 Paused (Inconclusive) 2 inconclusive quality: not yet" in lines
    assert "v14 Rejected - - GateFailed; retry lets it in again" in lines
    assert (
        "v13 quality inconclusive 0.5 12 challenger loss 0.1 vs champion 0.11 over 900 labelled "
        "units"
    ) in lines


def test_the_history_says_how_each_bout_ended() -> None:
    lines = "\n".join(told(a_resource(history=[ENDED]), later(0))).splitlines()
    assert lines[1].split()[:5] == ["2h", "ago", "v12", "v14", "GateFailed"]
    assert lines[1].endswith("errors: e-value 50 >= 40")


def test_no_history_is_said_too() -> None:
    assert list(told(a_resource(), NOW)) == ["no bout of satisfaction is over yet"]
