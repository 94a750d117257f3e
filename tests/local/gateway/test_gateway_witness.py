"""Bad answers on their way from a real Envoy to the real evidence service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from dohyo.contract.trials import GatePlan
from dohyo_gateway.witness_log import WITNESS_FILE
from tests.harness.until import until
from tests.local.evidence.running import key_folder, running
from tests.local.gateway.ring import ENTITY, a_ring, a_table, a_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from dohyo.contract import RoutingTable
    from tests.local.evidence.running import Service
    from tests.local.gateway.ring import Pod, Ring

ERRORS = GatePlan("errors", "error-rate", harm_ratio=1.5, harm_threshold=20.0)
SLOW = GatePlan("slow", "latency", harm_ratio=1.5, harm_threshold=20.0, cuts_seconds=(0.25,))


def on_trial(epoch: int = 1) -> RoutingTable:
    return replace(a_table(5000, epoch=epoch), slow_seconds=0.25, bad_codes=("429",))


async def until_settled(service: Service, wanted: dict[str, int]) -> None:
    """Until the service has settled that many bad units of both arms, by gate."""

    def settled() -> dict[str, int]:
        gates = {gate.name: gate for gate in service.report().trials[0].gates}
        arms = {name: (gates[name].champion, gates[name].challenger) for name in wanted}
        return {name: sum(arm.events for arm in both) for name, both in arms.items()}

    await asyncio.to_thread(until, "all is settled", settled, wanted.__eq__, seconds=30)


async def ask(
    ring: Ring, paths: list[str], headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Each path by an entity of its own."""
    for number, path in enumerate(paths):
        await ring.get(path, headers={ENTITY: f"{path}-{number}", **headers})


async def test_errors_and_slow_answers_are_told_of_and_nothing_else(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = key_folder(tmp_path / "keys")
    database = f"sqlite:///{tmp_path}/evidence.db"
    with running(database, keys) as service:
        service.declare(service.plan(ERRORS, SLOW))
        world = a_world(on_trial(), [pods["v12-a"]], [pods["v13-a"]])
        given = {
            "DOHYO_EVIDENCE_ADDRESS": f"127.0.0.1:{service.port}",
            "DOHYO_MASTER_KEYS": str(keys),
        }
        async with a_ring(folder, world, **given) as ring:
            await ask(ring, ["/status/500"] * 3 + ["/status/503"] * 2)
            await ask(ring, ["/sleep/0.4"] * 4)
            # No errors: a client's mistake, a good answer, and who chose the version by hand.
            await ask(ring, ["/status/404", "/status/422", "/predict"] * 3)
            await ask(ring, ["/status/500"] * 4, {"x-dohyo-version": "v13"})
            await ring.until("dohyo_gateway_evidence_events_total", 9)
            # An answer that failed is no quick one either.
            await until_settled(service, {"errors": 5, "slow": 9})
            # An evidence service that was away hears of all that happened meanwhile.
            await asyncio.to_thread(service.kill)
            await ask(ring, ["/status/502"] * 3)
            with running(database, keys, DOHYO_EVIDENCE_PORT=str(service.port)) as back:
                await until_settled(back, {"errors": 8, "slow": 12})


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
