"""Who may declare trials and read about them."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import aiohttp
import pytest

from dohyo.cluster.witnesses import Bench, UnheardError, declare, report
from dohyo.contract.documents import to_json
from dohyo.contract.keys import FOR_RECORDS, FOR_REPORTS, FOR_TRIALS, read_keys
from dohyo.verdict.inquiry import Inquiry
from tests.local.evidence.running import NAME, NAMESPACE, key_folder, operators, quality, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local.evidence.running import Service

TRIAL = f"/v1/trials/{NAMESPACE}/{NAME}/t1"
REPORT = f"/v1/evidence/{NAMESPACE}/{NAME}"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Service]:
    """A service whose keys are exchanged in the test."""
    folder = key_folder(tmp_path / "keys")
    with running(f"sqlite:///{tmp_path}/evidence.db", folder) as service:
        yield service


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_nobody_else_declares_trials_or_reads_about_them(alone: Service) -> None:
    shop = read_keys(alone.keys).for_namespace(NAMESPACE)
    bank = read_keys(alone.keys).for_namespace("bank")
    plan = to_json(alone.plan(quality()))
    strangers = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic abc"},
        bearer("*.k1.abc"),
        bearer(shop.token(FOR_RECORDS)),
        bearer(shop.token(FOR_TRIALS)),
        bearer(bank.token(FOR_REPORTS)),
    ]
    for shown in strangers:
        status, said = alone.ask("PUT", TRIAL, plan, shown)
        assert status == 401, shown
        assert "needs the operator's bearer token; give both the same master keys" in said["error"]
        status, said = alone.ask("GET", REPORT, headers=shown)
        assert status == 401, shown
        assert said["error"].startswith("Authorization: needs the bearer token for reports of shop")
    # Who may read of their own namespace still declares nothing.
    reader = bearer(shop.token(FOR_REPORTS))
    assert alone.ask("PUT", TRIAL, plan, reader)[0] == 401
    assert alone.ask("GET", REPORT, headers=reader)[0] == 404
    alone.declare(alone.plan(quality()))
    assert alone.ask("GET", REPORT, headers=reader)[0] == 200


async def test_an_exchange_of_keys_keeps_operator_and_service_together(
    alone: Service, tmp_path: Path
) -> None:
    about = Inquiry(NAMESPACE, NAME)
    url = f"http://127.0.0.1:{alone.port}"
    before = read_keys(alone.keys).installation_tokens(FOR_TRIALS)
    async with aiohttp.ClientSession() as session:
        # The operator has the new key already, the service has not.
        ahead = key_folder(tmp_path / "ahead")
        (ahead / "k1").write_text((alone.keys / "k1").read_text())
        rotate(ahead)
        newer = read_keys(ahead).installation_tokens(FOR_TRIALS)
        assert newer[1:] == before
        await declare(Bench(session, url, newer), alone.plan(quality()))
        with pytest.raises(UnheardError, match="401 Authorization: needs the operator's"):
            await declare(Bench(session, url, newer[:1]), alone.plan(quality()))
        # Then the service has it, and for a while both count.
        (alone.keys / "k2").write_text((ahead / "k2").read_text())
        (alone.keys / "current").write_text("k2")
        for tokens in (newer, before):
            heard = await report(Bench(session, url, tokens), about)
            assert [trial.trial for trial in heard.trials] == ["t1"]
        # Until the old key is gone.
        (alone.keys / "k1").unlink()
        assert (await report(Bench(session, url, newer), about)).trials
        with pytest.raises(UnheardError, match="401 Authorization: needs the bearer token"):
            await report(Bench(session, url, before), about)


def test_without_keys_nobody_is_the_operator(tmp_path: Path) -> None:
    others = key_folder(tmp_path / "others")
    with running(f"sqlite:///{tmp_path}/evidence.db", others, DOHYO_KEYS_FOLDER="") as service:
        plan = to_json(service.plan(quality()))
        assert service.ask("PUT", TRIAL, plan, operators(others))[0] == 401


def rotate(folder: Path) -> None:
    (folder / "k2").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (folder / "current").write_text("k2")
