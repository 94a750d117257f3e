"""Kills, absences and crowds: what was acknowledged is there, once; the rest is said honestly."""

from __future__ import annotations

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dohyo.contract.documents import from_json
from dohyo.contract.evidence import GUARD_VIOLATED, STATE_ERROR, EvidenceReport
from dohyo.contract.records import PredictionRecord, record_to_json
from dohyo.contract.trials import LabelPlan
from tests.harness.until import until
from tests.local.evidence.running import Service, quality, running
from tests.local.evidence.stored import stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.evidence.postgres import Postgres

SENDERS = 4


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_service_has_lost_nothing_that_it_acknowledged(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, keys: Path
) -> None:
    database = f"sqlite:///{tmp_path}/evidence.db"
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("server")
        database = server.fresh()
    acknowledged: set[str] = set()
    lock = threading.Lock()
    with running(database, keys) as service:
        service.declare(service.plan(quality(), labels=LabelPlan(3_600.0)))
        enough = threading.Event()

        def send(sender: int) -> None:
            for batch in range(1_000):
                made = [service.prediction(f"{sender}{batch:04d}{i:02d}") for i in range(50)]
                rows = [{"prediction_id": service.signed(p), "label": 1} for p in made]
                try:
                    status, said = service.ask("POST", "/v1/feedback", {"rows": rows})
                except OSError:
                    return
                if status == 200 and said["accepted"] == len(rows):
                    with lock:
                        acknowledged.update(p.nonce.hex() for p in made)
                        if len(acknowledged) >= 1_000:
                            enough.set()

        with ThreadPoolExecutor(SENDERS) as pool:
            work = [pool.submit(send, number) for number in range(SENDERS)]
            assert enough.wait(60)
            service.kill()
            for one in work:
                one.result()
    with running(database, keys):
        found = stored(database)
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)


def test_two_replicas_settle_each_unit_once(server: Postgres, keys: Path) -> None:
    database = server.fresh()
    with running(database, keys) as one, running(database, keys) as other:
        one.declare(one.plan(quality()))
        for number in range(10):
            rows = [
                {"prediction_id": one.signed(one.prediction(f"{number}{i:06d}")), "label": 1}
                for i in range(40)
            ]
            target = (one, other)[number % 2]

            def known(target: Service = target, rows: list[dict[str, object]] = rows) -> bool:
                return bool(target.feedback(rows)["accepted"] == len(rows))

            until("the other replica knows the trial", known, seconds=20)
        for replica in (one, other):
            gate = until(
                "all units are settled",
                lambda replica=replica: replica.report().trials[0].gates[0],  # type: ignore[misc]
                lambda g: g.champion.units >= 400,
                seconds=60,
            )
            assert gate.champion.units == 400


def test_without_its_database_it_says_so_and_goes_on_when_it_is_back(
    server: Postgres, keys: Path
) -> None:
    database = server.fresh()
    with running(database, keys) as service:
        service.declare(service.plan(quality(), labels=LabelPlan(3_600.0)))
        row = {"prediction_id": service.signed(service.prediction("before")), "label": 1}
        assert service.feedback([row])["accepted"] == 1
        server.end()
        try:
            status, said = service.ask("POST", "/v1/feedback", {"rows": [row]})
            assert status == 503, said
            status, said = service.asked_for_report()
            assert status == 503
            assert from_json(EvidenceReport, said).state == STATE_ERROR
            assert service.ask("GET", "/readyz")[0] == 503
            assert service.ask("GET", "/livez")[0] == 200
        finally:
            server.start()
        until("it is ready again", lambda: service.ask("GET", "/readyz")[0] == 200, seconds=30)
        after = {"prediction_id": service.signed(service.prediction("after")), "label": 1}
        assert service.feedback([row, after])["accepted"] == 2
        assert service.report().trials[0].trial == "t1"
    assert len(stored(database)) == 2


@pytest.mark.parametrize("who", ["service", "database"])
def test_who_hung_waits_for_every_pod_before_anything_is_settled(
    who: str, request: pytest.FixtureRequest, tmp_path: Path, keys: Path
) -> None:
    """Pods send what they kept when they next try: one arm first, the other one later."""
    database = f"sqlite:///{tmp_path}/evidence.db"
    if who == "database":
        server: Postgres = request.getfixturevalue("server")
        database = server.fresh()
    with running(database, keys, DOHYO_CATCH_UP_SECONDS="5") as service:
        service.declare(service.plan(quality()))
        service.records(kept(service, "v12", 1))
        until("the first is settled", lambda: split_of(service, 1), bool, seconds=30)
        stop = service.process.send_signal if who == "service" else server.signal
        stop(signal.SIGSTOP)
        # Longer than any pod waits for an answer.
        time.sleep(12)
        backlog = {version: kept(service, version, 40) for version in ("v12", "v13")}
        stop(signal.SIGCONT)
        service.records(backlog["v12"])
        time.sleep(2)
        service.records(backlog["v13"])
        until("both are settled, as alike as they were", lambda: split_of(service, 80), seconds=30)


def kept(service: Service, version: str, count: int) -> list[dict[str, object]]:
    """What a version's pod has to tell of as many entities, a few seconds old."""
    at = int((time.time() - 2) * 1e6)
    made = [
        service.prediction(f"{version[1:]}{i:05d}", version=version, microseconds=at + i)
        for i in range(count)
    ]
    return [
        record_to_json(PredictionRecord(service.signed(p), p.nonce.hex(), "http", 0.01))
        for p in made
    ]


def split_of(service: Service, units: int) -> bool:
    """Whether so many first exposures have settled.

    Raises:
        AssertionError: the service thinks that the comparison is broken.
    """
    guard = service.report().trials[0].guard
    assert guard.state != GUARD_VIOLATED, guard.message
    return f" {units:,} first exposures" in guard.message


def test_a_crowd_is_told_to_come_back(tmp_path: Path, keys: Path) -> None:
    with running(f"sqlite:///{tmp_path}/evidence.db", keys, DOHYO_MOST_BATCHES="1") as service:
        service.declare(service.plan(quality(), labels=LabelPlan(3_600.0)))
        made = [service.prediction(f"{i:07d}") for i in range(1_000)]
        rows = [{"prediction_id": service.signed(p), "label": 1} for p in made]
        body = json.dumps({"rows": rows}).encode()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: service.ask("POST", "/v1/feedback", body), range(16)))
        statuses = [status for status, _ in answers]
        assert set(statuses) == {200, 429}, statuses
        refused = service.metric('dohyo_evidence_turned_away_batches_total{code="429"}')
        assert refused == statuses.count(429)
