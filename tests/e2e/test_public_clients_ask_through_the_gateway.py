"""Unmodified clients of the Open Inference Protocol reach a version by the gateway's one port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness import model
from tests.harness.asking import GATEWAY_ADDRESS, GATEWAY_PORT
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.public_clients import REQUIREMENTS, told_by

if TYPE_CHECKING:
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(300)]

CLIENTS = Path(__file__).parent / "clients"
BENTOS = {"v1": model.LOGISTIC, "v2": model.BOOSTING}
ROWS = model.rows()[:3]
ROUNDS = 3


def asked(script: str, deployment: str) -> dict[str, Any]:
    """For each protocol: version, prediction id and probabilities."""
    return told_by(CLIENTS / script, f"{GATEWAY_ADDRESS}:{GATEWAY_PORT}", deployment, rows=ROWS)


def test_both_protocols_by_one_port(ring: Ring, story: Story) -> None:
    with story.given("a champion, and a challenger at half of the traffic"):
        v1, v2 = version("v1", BENTOS["v1"]), challenger("v2", BENTOS["v2"], 50)
        ring.apply(model_deployment("satisfaction", v1, (v2,)))
        ring.settled("satisfaction")

    own = {
        name: [list(row.values()) for row in model.own_probabilities(bento, ROWS)]
        for name, bento in BENTOS.items()
    }
    ids: list[str] = []
    for script in REQUIREMENTS:
        with story.then(f"{script}: version, prediction id and the version's own values"):
            for _ in range(ROUNDS):
                for way, told in asked(script, f"{ring.namespace}/satisfaction").items():
                    assert told["version"] in BENTOS, way
                    assert told["id"], way
                    ids.append(told["id"])
                    for row, expected in zip(
                        told["probabilities"], own[told["version"]], strict=True
                    ):
                        assert row == pytest.approx(expected, rel=0, abs=1e-12), way
    assert len(set(ids)) == len(ids)
