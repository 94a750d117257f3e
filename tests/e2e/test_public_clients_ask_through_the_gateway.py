"""Unmodified clients of the Open Inference Protocol reach a version by the gateway's one port."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness import model
from tests.harness.asking import GATEWAY_ADDRESS, GATEWAY_PORT
from tests.harness.environments import python_with
from tests.harness.manifests import challenger, model_deployment, version

if TYPE_CHECKING:
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(300)]

CLIENTS = Path(__file__).parent / "clients"
# The same as in tests/local, so that the environments are made once.
REQUIREMENTS = {
    "ask_by_triton.py": ("tritonclient[grpc,http]==2.73.0", "numpy==2.4.6"),
    "ask_by_kserve.py": ("kserve==0.21.0",),
}
BENTOS = {"v1": model.LOGISTIC, "v2": model.BOOSTING}
ROWS = model.rows()[:3]
ROUNDS = 3


def asked(script: str, deployment: str) -> dict[str, Any]:
    """For each protocol: version, prediction id and probabilities."""
    address = f"{GATEWAY_ADDRESS}:{GATEWAY_PORT}"
    done = subprocess.run(
        [str(python_with(REQUIREMENTS[script])), script, address, deployment],
        cwd=CLIENTS,
        input=json.dumps(ROWS),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


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
