"""Clients of other people, unmodified and in environments of their own, against a served bento."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports
from tests.harness.environments import python_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.bentos import Served

pytestmark = pytest.mark.timeout(300)
CLIENTS = Path(__file__).parent / "clients"
# Each pinned, so that the environment is made once.
REQUIREMENTS = {
    "ask_by_triton.py": ("tritonclient[grpc,http]==2.73.0", "numpy==2.4.6"),
    "ask_by_kserve.py": ("kserve==0.21.0",),
}
ROWS = model.rows()[:4]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Served, int]]:
    samples.ensure()
    grpc_port = ports.free_port()
    options = ("--grpc-port", str(grpc_port))
    with bentos.served(model.LOGISTIC, *options, home=BENTOML_HOME) as bento:
        yield bento, grpc_port


@pytest.mark.parametrize("script", REQUIREMENTS)
def test_an_unmodified_client_gets_the_model_s_own_values(
    served: tuple[Served, int], script: str
) -> None:
    bento, grpc_port = served
    done = subprocess.run(
        [str(python_with(REQUIREMENTS[script])), script, str(bento.port), str(grpc_port)],
        cwd=CLIENTS,
        input=json.dumps(ROWS),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    own = [list(row.values()) for row in model.own_probabilities(model.LOGISTIC, ROWS)]
    assert len(found) >= 4
    for way, probabilities in found.items():
        assert probabilities == [pytest.approx(row, abs=1e-12, rel=0) for row in own], way
