"""Clients of other people, unmodified and in environments of their own, against a served bento."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports
from tests.harness.public_clients import REQUIREMENTS, told_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.bentos import Served

pytestmark = pytest.mark.timeout(300)
CLIENTS = Path(__file__).parent / "clients"
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
    found = told_by(CLIENTS / script, str(bento.port), str(grpc_port), rows=ROWS)
    own = [list(row.values()) for row in model.own_probabilities(model.LOGISTIC, ROWS)]
    assert len(found) >= 4
    for way, probabilities in found.items():
        assert probabilities == [pytest.approx(row, abs=1e-12, rel=0) for row in own], way
