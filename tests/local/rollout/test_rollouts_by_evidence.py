"""The operator's decisions over the real evidence service, by signed predictions and late labels.

Only the cluster is left out: passes are made by hand, everything else is as in an installation.
By hand because a ring cannot show these: clocks that run ahead, an operator with other keys, a
database that is away or lost between two passes. That a better challenger is promoted and a worse
one rolled back is told by rings (tests/local/ring/test_ring_judges.py, tests/local/test_pages.py).
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import xxhash

from dohyo.api.resource import parse
from dohyo.cluster.evidence import Inquirer, Sources
from dohyo.contract import BUCKETS, MODE_SPLIT, RoutingTable, routing_from_status
from dohyo.contract.prediction_id import PredictionId
from dohyo.verdict.inquiry import inquiry
from tests.builders import NAME, a_version
from tests.harness.ports import free_port
from tests.harness.until import until
from tests.local.evidence.postgres import postgres
from tests.local.evidence.running import NAMESPACE, Service, key_folder, running, signed
from tests.unit.verdict.bout import Bout, a_rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

KEY = f"{NAMESPACE}/{NAME}"
QUALITY = {"name": "quality", "metric": "loss", "loss": "zero-one", "goal": "superior"}
EACH_ROUND = 400


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests: each has trials of its own."""
    folder = tmp_path_factory.mktemp("evidence")
    with running(f"sqlite:///{folder}/evidence.db", key_folder(folder / "keys")) as found:
        yield found


def sources_of(service: Service) -> Sources:
    return Sources(evidence=f"http://127.0.0.1:{service.port}", keys=service.keys)


class Rollout:
    """A rollout whose clients, gateway and pods are this class, and whose time is real."""

    def __init__(self, service: Service, accuracy: Mapping[str, float], **spec: object) -> None:
        self.service = service
        self.accuracy = accuracy
        self.chance = random.Random(1)
        # What a right answer brings, where rewards are told; 0 where labels are.
        self.worth = 0.0
        self.bout = Bout(
            traffic={"stickyBy": {"header": "x-customer"}},
            rollout=a_rollout(
                **{
                    "gates": [QUALITY],
                    "labels": {"maxDelay": "2s"},
                    "steps": [{"weight": 50, "for": "2s"}],
                    **spec,
                }
            ),
        )
        # Another ModelDeployment each time, or trials that begin in the same second are the same.
        self.bout.raw["metadata"]["uid"] = secrets.token_hex(8)
        sources = sources_of(service)
        self.inquirer = Inquirer(sources, lambda: (), time.time)
        self.bout.reports_for = lambda _: self.inquirer.known(KEY)
        self.entities = 0
        self.told = 0
        self.last: dict[str, object] | None = None

    async def pass_and_look(self, session: aiohttp.ClientSession) -> None:
        """What the operator does, without any client."""
        self.bout.now = datetime.now(UTC)
        self.bout.settle()
        self.inquire()
        await self.inquirer.look(session)

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Passes, asks the service, and lets clients come and tell labels."""
        await self.pass_and_look(session)
        table = routing_from_status(self.bout.status["routing"])
        if table.trial != "none":
            rows = [self._prediction(table) for _ in range(EACH_ROUND)]
            self.chance.shuffle(rows)
            refused = self.service.feedback(rows)["refused"]
            assert refused == []
            self.told += len(rows)
            self.last = rows[-1]

    def counted(self, name: str, verdict: Mapping[str, Any] | None = None) -> int:
        """Units of both versions in the first gate."""
        found = verdict or (
            self.bout.status.get("rollouts") and self.bout.rollout(name).get("verdict")
        )
        gate = (found or {}).get("gates", [{}])[0]
        return sum(gate.get(side, {}).get("units", 0) for side in ("champion", "challenger"))

    def inquire(self) -> None:
        """Says what is to be known, as the operator does after each pass."""
        planned = self.bout.plan
        assert planned is not None
        about = inquiry(parse(self.bout.raw), planned.ruling.rollouts, planned.routing)
        self.inquirer.inquire(KEY, about)

    def _prediction(self, table: RoutingTable) -> dict[str, object]:
        """Who comes, who answers, and what turns out to be true."""
        self.entities += 1
        entity = f"customer-{self.entities}"
        bucket = xxhash.xxh64(f"{table.salt}/{entity}".encode()).intdigest() % BUCKETS
        names = [v.name for v in table.versions if v.role != "previous"]
        version = next(
            (v.name for v in table.versions if any(a <= bucket < b for a, b in v.buckets)),
            table.champion.name,
        )
        right = self.chance.random() < self.accuracy[version]
        made = PredictionId(
            namespace=NAMESPACE,
            deployment=NAME,
            version=version,
            trial=table.trial,
            epoch=table.epoch,
            mode=MODE_SPLIT,
            arm=names.index(version),
            shares=tuple(table.share(name) for name in names),
            entity=secrets.token_bytes(8),
            bucket=bucket,
            microseconds=int(time.time() * 1e6),
            rows=1,
            numbers=(1.0,),
            shadow=False,
            nonce=secrets.token_bytes(8),
        )
        told = {"prediction_id": signed(made, self.service.keys), "row": 0}
        if self.worth:
            return {**told, "reward": self.worth * right}
        return {**told, "label": float(right)}

    async def until(
        self, session: aiohttp.ClientSession, holds: Callable[[], bool], most: int
    ) -> None:
        """Passes until it holds; clients come until they have told so many labels in all."""
        deadline = time.monotonic() + 90
        while not holds():
            assert time.monotonic() < deadline, self.bout.status["rollouts"]
            await (self.round(session) if self.told < most else self.pass_and_look(session))

    async def until_over(self, seconds: float) -> tuple[str, str]:
        async with aiohttp.ClientSession() as session:
            until = time.monotonic() + seconds
            while not self.bout.ends():
                assert time.monotonic() < until, self.bout.status["rollouts"]
                await self.round(session)
            # What is declared as over is told to the service too.
            await self.round(session)
        return self.bout.ends()[0]


async def test_more_value_for_each_request_is_promoted(service: Service) -> None:
    value = {"name": "value", "metric": "reward", "goal": "superior"}
    rollout = Rollout(service, {"v12": 0.4, "v13": 0.6}, gates=[value])
    rollout.worth = 25.0
    assert await rollout.until_over(90) == ("v13", "Promoted")
    gate = rollout.bout.status["history"][0]["evidence"]["verdict"]["gates"][0]
    assert "challenger reward 1" in gate["message"]
    # The limits are frozen from the champion's first units, which then are no evidence.
    assert gate["champion"]["units"] + gate["challenger"]["units"] <= rollout.told - 200


async def test_a_service_that_is_away_is_an_error_and_no_decision(service: Service) -> None:
    rollout = Rollout(service, {"v12": 0.95, "v13": 0.5})
    async with aiohttp.ClientSession() as session:
        await rollout.round(session)
        nobody = f"http://127.0.0.1:{free_port()}"
        # Another operator process, which has not heard anything before.
        rollout.inquirer = Inquirer(Sources(evidence=nobody), lambda: (), time.time)
        rollout.inquire()
        await rollout.inquirer.look(session)
        rollout.bout.after(3600)
    verdict = rollout.bout.rollout("v13")["verdict"]
    assert verdict["outcome"] == "error"
    assert f"evidence service at {nobody}" in verdict["message"]
    assert rollout.bout.ends() == []


async def test_a_database_that_is_away_holds_everything_and_nothing_counts_twice(
    tmp_path: Path,
) -> None:
    ahead = 0.0
    with (
        postgres(tmp_path / "postgres") as server,
        running(server.fresh(), key_folder(tmp_path / "keys")) as service,
    ):
        # Nobody errs, so that nothing can be decided by chance.
        rollout = Rollout(service, {"v12": 1.0, "v13": 1.0})
        rollout.inquirer = Inquirer(sources_of(service), lambda: (), lambda: time.time() + ahead)
        async with aiohttp.ClientSession() as session:
            await rollout.until(session, lambda: bool(rollout.counted("v13")), most=800)
            before = rollout.bout.rollout("v13")
            server.end()
            # Longer than a report may be old.
            ahead = 60.0
            await rollout.inquirer.look(session)
            rollout.bout.after(5)
            verdict = rollout.bout.rollout("v13")["verdict"]
            assert (verdict["outcome"], verdict["reason"]) == ("error", "EvidenceUnavailable")
            assert rollout.bout.rollout("v13")["step"] == before["step"]
            assert rollout.bout.weights() == {"v12": 50, "v13": 50}
            server.start()
            await asyncio.to_thread(
                until, "it is ready", lambda: service.ask("GET", "/readyz")[0] == 200, seconds=60
            )
            rollout.accuracy = {"v12": 0.8, "v13": 0.97}
            most = rollout.told + 8_000
            await rollout.until(session, lambda: bool(rollout.bout.ends()), most=most)
        (ended,) = rollout.bout.ends()
        record = rollout.bout.status["history"][0]["evidence"]
        assert ended == ("v13", "Promoted"), record
        assert record["trial"] == before["trial"]
        assert rollout.counted("v13", record["verdict"]) <= rollout.told


async def test_an_operator_with_other_keys_is_told_so_and_decides_nothing(
    service: Service, tmp_path: Path
) -> None:
    rollout = Rollout(service, {"v12": 0.95, "v13": 0.5})
    url = f"http://127.0.0.1:{service.port}"
    async with aiohttp.ClientSession() as session:
        for folder, words in (
            (key_folder(tmp_path / "keys"), "401 Authorization: needs the operator's bearer token"),
            (tmp_path / "nothing", "the master's keys in"),
            (None, "401 Authorization: needs the operator's bearer token"),
        ):
            rollout.bout.now = datetime.now(UTC)
            rollout.bout.settle()
            rollout.inquirer = Inquirer(Sources(evidence=url, keys=folder), lambda: (), time.time)
            rollout.inquire()
            await rollout.inquirer.look(session)
            assert words in rollout.inquirer.known(KEY).problem
            rollout.bout.after(3600)
            assert rollout.bout.rollout("v13")["verdict"]["outcome"] == "error"
    assert rollout.bout.ends() == []


async def test_two_challengers_have_a_trial_each_in_the_same_assignments(service: Service) -> None:
    rollout = Rollout(
        service,
        {"v12": 0.8, "v13": 0.8, "v14": 0.97},
        steps=[{"weight": 30, "for": "2s"}],
    )
    rollout.bout.edit(challengers=[a_version("v13", weight=0), a_version("v14", weight=0)])
    assert await rollout.until_over(90) == ("v14", "Promoted")
    left = rollout.bout.rollout("v13")
    assert (left["champion"], left["state"]) == ("v14", "Running")


async def test_a_lost_database_begins_a_new_trial_that_is_decided(tmp_path: Path) -> None:
    folder = key_folder(tmp_path / "keys")
    database = tmp_path / "evidence.db"
    with running(f"sqlite:///{database}", folder) as service:
        port = str(service.port)
        rollout = Rollout(service, {"v12": 0.95, "v13": 0.8})
        async with aiohttp.ClientSession() as session:
            # Nobody errs, so that no decision may come while the first database is there.
            rollout.accuracy = {"v12": 1.0, "v13": 1.0}
            await rollout.until(session, lambda: rollout.counted("v13") >= 600, most=800)
            first = rollout.bout.rollout("v13")
            old = rollout.last
            service.kill()
    for part in tmp_path.glob("evidence.db*"):
        part.unlink()
    with running(f"sqlite:///{database}", folder, DOHYO_EVIDENCE_PORT=port) as service:
        rollout.service = service
        rollout.accuracy = {"v12": 0.95, "v13": 0.8}
        # Another operator process: what it has to know stands in the status alone.
        rollout.inquirer = Inquirer(sources_of(service), lambda: (), time.time)
        async with aiohttp.ClientSession() as session:
            while not rollout.bout.ends():
                await rollout.pass_and_look(session)
        assert rollout.bout.ends() == [("v13", "EvidenceLost")]
        lost = rollout.bout.status["history"][0]["evidence"]
        assert lost["trial"] == first["trial"]
        assert lost["verdict"]["gates"][0]["champion"]["units"] >= 100
        second = rollout.bout.rollout("v13")
        assert second["trial"] != first["trial"]
        assert (second["attempt"], second["step"], second["state"]) == (2, 0, "Running")
        assert routing_from_status(rollout.bout.status["routing"]).salt == second["trial"]
        # The old predictions, whose labels come late, are nobody's evidence any more.
        assert old is not None
        refused = service.feedback([old])["refused"]
        assert [r["reason"] for r in refused] in (["unknown"], ["late"])
        async with aiohttp.ClientSession() as session:
            until_then = time.monotonic() + 90
            while len(rollout.bout.ends()) < 2:
                assert time.monotonic() < until_then, rollout.bout.status["rollouts"]
                await rollout.round(session)
    assert rollout.bout.ends() == [("v13", "EvidenceLost"), ("v13", "GateFailed")]
    assert any(e.startswith("EvidenceLost: v13 against v12") for e in rollout.bout.events)
