"""Feedback through a real Envoy to the real evidence service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dohyo.contract.trials import LabelPlan
from tests.local.evidence.running import key_folder, quality, running
from tests.local.gateway.ring import HOST, KEY, a_ring, a_table, a_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.gateway.ring import Pod


async def test_feedback_reaches_the_evidence_service_by_path_and_by_host(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = key_folder(tmp_path / "keys")
    with running(f"sqlite:///{tmp_path}/evidence.db", keys) as service:
        service.declare(service.plan(quality(), labels=LabelPlan(3_600.0)))
        address = f"127.0.0.1:{service.port}"
        world = a_world(a_table(0), [pods["v12-a"]])
        async with a_ring(folder, world, DOHYO_EVIDENCE_ADDRESS=address) as ring:
            url = f"http://127.0.0.1:{ring.port}"
            for number, (path, host) in enumerate(
                ((f"/{KEY}/feedback", "models.example.com"), ("/feedback", HOST))
            ):
                text = service.signed(service.prediction(f"{number:07d}"))
                row = {"prediction_id": text, "label": 1}
                async with ring.session.post(url + path, json=row, headers={"Host": host}) as said:
                    assert said.status == 200, await said.text()
                    assert (await said.json())["accepted"] == 1
            # The model keeps the path for other methods, and all that lies below it.
            for path in ("/feedback", "/feedback/more"):
                status, _, body = await ring.get(path)
                assert (status, body["path"]) == (200, path)
            await asyncio.to_thread(service.kill)
            lost = {"prediction_id": "x"}
            async with ring.session.post(
                f"{url}/feedback", json=lost, headers={"Host": HOST}
            ) as said:
                assert said.status == 503
            assert (await ring.get())[0] == 200


async def test_without_an_evidence_service_the_path_is_the_models_own(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        status, _, body = await ring.get("/feedback")
        assert (status, body["path"]) == (200, "/feedback")
