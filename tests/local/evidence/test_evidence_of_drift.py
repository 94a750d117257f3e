"""A real model's own inputs, counted by the real runtime: clean traffic, and a moved feature."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_breast_cancer

from dohyo.contract.trials import GatePlan
from tests.local.evidence.running import plan, running
from tests.unit.serving.conftest import cells, keys
from tests.unit.serving.serving_in_process import MASTER, ask, settle, started, write_keys

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dohyo_serving.endpoint import Endpoint

__all__ = ["cells", "keys"]
NAME = "cells"
WINDOW_SECONDS = 4
MOVED = 3
DRIFT = GatePlan("drift", "drift", max_psi=0.2)
PACE = {"DOHYO_DRIFT_WINDOW_SECONDS": str(WINDOW_SECONDS), "DOHYO_GRACE_SECONDS": "3"}


class Clients:
    """Ask about tumours like those of the training, some of them measured by another scale.

    Attributes:
        shift: added to one feature, in standard deviations.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.shift = 0.0
        self._endpoint = endpoint
        self._rows: Any = load_breast_cancer().data
        self._spread = float(self._rows[:, MOVED].std())
        self._random = np.random.default_rng(1)

    async def ask(self) -> None:
        while True:
            rows = self._rows[self._random.integers(0, len(self._rows), 40)].copy()
            rows[:, MOVED] += self.shift * self._spread
            tensor = {"name": "x", "datatype": "FP64", "shape": list(rows.shape)}
            body = json.dumps({"inputs": [{**tensor, "data": rows.tolist()}]})
            reply = await ask(self._endpoint, f"/v2/models/{NAME}/infer", body)
            assert reply.status == 200, reply.body
            await asyncio.sleep(0.05)


async def test_drift_names_the_feature_and_clean_traffic_raises_no_alarm(
    cells: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = tmp_path / "master"
    write_keys(master, MASTER)
    with running(f"sqlite:///{tmp_path}/evidence.db", master, **PACE) as found:
        service = found.of(NAME)
        trial = {"champion": "v1", "challenger": "v2", "started": time.time()}
        service.declare(plan(DRIFT, deployment=NAME, **trial))
        url = f"http://127.0.0.1:{service.port}"
        told = {"DOHYO_EVIDENCE_URL": url, "DOHYO_WINDOW_SECONDS": "0.5", "DOHYO_GRPC_PORT": "off"}
        settle(monkeypatch, keys, **told)
        async with started(cells) as endpoint:
            clients = Clients(endpoint)
            asking = asyncio.create_task(clients.ask())
            try:
                clean = await asyncio.to_thread(
                    service.until_gate, DRIFT.name, lambda g: "after 3 windows" in g.message
                )
                assert clean.breach is False
                assert clean.drift[0].count > 200
                clients.shift = 2.0
                moved = await asyncio.to_thread(
                    service.until_gate, DRIFT.name, lambda g: g.breach is True
                )
            finally:
                asking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asking
    feature = f"f{MOVED}"
    named = [f for f in moved.drift if f.significant and f.large]
    assert feature in [f.feature for f in named]
    # Its neighbours have not moved; what the model makes of it may have.
    assert {f.feature for f in named} <= {feature, "prediction"}
    assert moved.message.startswith("input drift in ")
    assert feature in moved.message
    assert next(f for f in named if f.feature == feature).psi > 0.2
