"""Whole ways of evidence: real Envoy, the real agent, the real evidence service, its report.

By the gateway alone: gRPC answers that are as slow as they are told to be, and master keys that are
exchanged, of several namespaces. Those over HTTP, and what the operator makes of them, are told in
tests/local/ring.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.contract import BUCKETS, MODE_PINNED
from dohyo.contract.prediction_id import encode
from dohyo.contract.trials import GatePlan
from tests.local.evidence.running import key_folder, keys_of, quality, running
from tests.local.gateway.ring import ENTITY, HOST, a_ring, a_table, a_world
from tests.local.gateway.test_gateway_grpc import Client
from tests.local.gateway.test_gateway_routing import bucket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dohyo.contract.evidence import GateReport
    from dohyo.contract.prediction_id import PredictionId
    from tests.local.evidence.running import Service
    from tests.local.gateway.ring import Pod, Ring

CUT_SECONDS = 0.3
SLEEP = "0.6"
SLOW = GatePlan("slow", "latency", harm_ratio=1.5, harm_threshold=20.0, cuts_seconds=(CUT_SECONDS,))
ENTITIES = [f"e{n}" for n in range(1_200)]
SHARE = BUCKETS // 2


def on_challenger(entity: str) -> bool:
    return bool(bucket(entity) < SHARE)


def dawdled(*, both: bool) -> set[str]:
    """One in twenty of the challenger's entities, or of all."""
    candidates = [e for e in ENTITIES if both or on_challenger(e)]
    return set(candidates[::20])


async def ask_all(ring: Ring, slow: set[str]) -> None:
    client = Client(ring)
    room = asyncio.Semaphore(16)

    async def one(entity: str) -> None:
        async with room:
            more = {"sleep": SLEEP} if entity in slow else {}
            await client.check(**{ENTITY: entity, **more})

    await asyncio.gather(*map(one, ENTITIES))
    await client.channel.close()


async def until_seen(service: Service, gate: str, least: int) -> GateReport:
    def enough(found: GateReport) -> bool:
        return found.champion.events + found.challenger.events >= least

    return await asyncio.to_thread(service.until_gate, gate, enough)


@pytest.mark.parametrize("both", [False, True], ids=["challenger", "both"])
async def test_one_slow_call_in_twenty_fails_the_latency_gate_of_whom_it_is_of(
    pods: dict[str, Pod], tmp_path: Path, both: bool
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = key_folder(tmp_path / "keys")
    slow = dawdled(both=both)
    with running(f"sqlite:///{tmp_path}/evidence.db", keys) as service:
        service.declare(service.plan(SLOW))
        table = replace(a_table(SHARE), slow_seconds=CUT_SECONDS)
        world = a_world(table, [pods["v12-a"]], [pods["v13-a"]])
        given = {
            "DOHYO_EVIDENCE_ADDRESS": f"127.0.0.1:{service.port}",
            "DOHYO_MASTER_KEYS": str(keys),
        }
        async with a_ring(folder, world, **given) as ring:
            await ask_all(ring, slow)
            gate = await until_seen(service, "slow", len(slow))
    theirs = len([e for e in slow if on_challenger(e)])
    # A slow machine may add some of its own, to both alike.
    assert gate.challenger.events >= theirs
    assert gate.champion.events >= len(slow) - theirs
    assert gate.failed == (not both), gate.message
    if gate.failed:
        # These upstreams record nothing, so that only their slow answers are known.
        assert gate.message.startswith(f"slow answers in {gate.challenger.events} units of the")
        assert ">= 20" in gate.message


async def told(ring: Ring, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the evidence service says to feedback that comes by the model's own host."""
    async with ring.session.post(
        f"{ring.url}/feedback", json={"rows": list(rows)}, headers={"Host": HOST}
    ) as answer:
        assert answer.status == 200, await answer.text()
        said: dict[str, Any] = await answer.json()
        return said


def row(text: str) -> dict[str, Any]:
    return {"prediction_id": text, "row": 0, "label": 1}


async def test_ids_that_are_not_ours_change_nothing_and_an_exchange_of_keys_loses_none(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = key_folder(tmp_path / "keys")
    with running(f"sqlite:///{tmp_path}/evidence.db", keys) as service:
        service.declare(service.plan(quality()))
        service.declare(service.plan(quality(), deployment="other"))
        service.declare(service.plan(quality(), namespace="bank"))
        world = a_world(a_table(SHARE), [pods["v12-a"]], [pods["v13-a"]])
        given = {"DOHYO_EVIDENCE_ADDRESS": f"127.0.0.1:{service.port}"}
        async with a_ring(folder, world, **given) as ring:
            ours = [service.signed(service.prediction(f"a{n:06d}")) for n in range(40)]
            # Replayed, in the same batch and in another.
            assert await told(ring, [row(t) for t in ours + ours[:20]]) == {
                "accepted": 60,
                "refused": [],
            }
            assert (await told(ring, [row(t) for t in ours[20:]]))["accepted"] == 20
            refused = await told(ring, [row(t) for t in forged(service)])
            assert {r["reason"] for r in refused["refused"]} <= {"forged", "malformed"}
            assert refused["accepted"] == 0
            pinned = service.signed(service.prediction("p", mode=MODE_PINNED))
            said = await told(ring, [row(pinned)])
            assert [r["reason"] for r in said["refused"]] == ["no-evidence"]
            # Whose name stands in the id gets the label, whoever brings it.
            others = [{"deployment": "other"}, {"namespace": "bank"}]
            strangers = [service.signed(service.prediction("s", **who)) for who in others]
            assert (await told(ring, [row(t) for t in strangers]))["accepted"] == 2

            exchanged = [service.signed(service.prediction(f"b{n:06d}")) for n in range(20)]
            late = service.signed(service.prediction("d"))
            rotate(service)
            after = [newly_signed(service, f"c{n:06d}") for n in range(20)]
            said = await told(ring, [row(t) for t in (*exchanged, *after)])
            assert (said["accepted"], said["refused"]) == (40, [])
            (keys / "k1").unlink()
            said = await told(ring, [row(late), row(newly_signed(service, "e"))])
            assert said["accepted"] == 1
            assert [r["reason"] for r in said["refused"]] == ["forged"]
            gate = await asyncio.to_thread(
                service.until_gate, "quality", lambda found: found.champion.units >= 81
            )
    assert (gate.champion.units, gate.champion.labels) == (81, 81)


def forged(service: Service) -> list[str]:
    """What somebody without the namespace's keys could send."""
    made = service.prediction("f")
    text = service.signed(made)
    bank = keys_of(service.keys, "bank")
    key = bank.signing_key(bank.current, "bank")
    assert key is not None
    return [
        text[:-6] + ("A" * 6 if text[-6:] != "A" * 6 else "B" * 6),
        text[:20] + ("A" if text[20] != "A" else "B") + text[21:],
        encode(made, bank.current, key),
        encode(made, "k9", secrets.token_bytes(32)),
    ]


def rotate(service: Service) -> None:
    (service.keys / "k2").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (service.keys / "current").write_text("k2")


def newly_signed(service: Service, entity: str) -> str:
    keys_of.cache_clear()
    made: PredictionId = service.prediction(entity)
    text = service.signed(made)
    keys_of.cache_clear()
    return text
