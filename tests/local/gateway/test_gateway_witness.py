"""The log of bad answers on its way from a real Envoy to the real evidence service.

By the gateway alone: its agent is given a log that is full after some lines. What is told, and what
becomes of it, is told in tests/local/ring.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dohyo.contract.trials import GatePlan
from dohyo_gateway.witness_log import WITNESS_FILE
from tests.local.evidence.running import key_folder, running
from tests.local.gateway.ring import ENTITY, a_ring, a_table, a_world

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dohyo.contract import RoutingTable
    from tests.local.gateway.ring import Pod, Ring

ERRORS = GatePlan("errors", "error-rate", harm_ratio=1.5, harm_threshold=20.0)
SLOW = GatePlan("slow", "latency", harm_ratio=1.5, harm_threshold=20.0, cuts_seconds=(0.25,))


def on_trial(epoch: int = 1) -> RoutingTable:
    return replace(a_table(5000, epoch=epoch), slow_seconds=0.25, bad_codes=("429",))


async def ask(ring: Ring, paths: list[str]) -> None:
    """Each path by an entity of its own."""
    for number, path in enumerate(paths):
        await ring.get(path, headers={ENTITY: f"{path}-{number}"})


async def test_a_long_log_begins_anew_and_loses_no_line(
    pods: dict[str, Pod], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dohyo_gateway.witness._ROTATE_BYTES", 2_000)
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = key_folder(tmp_path / "keys")
    with running(f"sqlite:///{tmp_path}/evidence.db", keys) as service:
        service.declare(service.plan(ERRORS, SLOW))
        world = a_world(on_trial(), [pods["v12-a"]], [pods["v13-a"]])
        given = {
            "DOHYO_EVIDENCE_ADDRESS": f"127.0.0.1:{service.port}",
            "DOHYO_MASTER_KEYS": str(keys),
        }
        async with a_ring(folder, world, **given) as ring:
            for round_ in range(1, 5):
                await ask(ring, [f"/status/50{n % 5}" for n in range(20 * round_)][-20:])
                await ring.until("dohyo_gateway_evidence_events_total", 20 * round_)
            assert (folder / WITNESS_FILE).stat().st_size < 20_000
            assert not (folder / WITNESS_FILE).with_suffix(".old").exists()
