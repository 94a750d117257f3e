"""What is too old goes, and nobody who was seen in an open trial is new to it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dohyo.contract.records import PredictionRecord, record_to_json
from dohyo.contract.trials import LabelPlan
from dohyo_evidence.database import Database
from dohyo_evidence.retention import purge
from tests.local.evidence.running import quality, running
from tests.local.evidence.stored import with_driver

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = 5, 3


async def test_old_rows_go_and_first_exposures_stay_as_long_as_their_trial(
    database: str, keys: Path
) -> None:
    now = time.time()
    with running(database, keys) as service:
        service.declare(service.plan(quality(), labels=LabelPlan(3_600.0)))
        made = [
            service.prediction(f"{age}{i:05d}", microseconds=int((now - age) * 1e6))
            for age, count in ((50, OLD), (10, NEW))
            for i in range(count)
        ]
        rows = [{"prediction_id": service.signed(p), "label": 1} for p in made]
        assert service.feedback(rows)["accepted"] == OLD + NEW
        told = [PredictionRecord(service.signed(p), p.nonce.hex(), "http", 0.01) for p in made]
        assert service.records([record_to_json(one) for one in told])["accepted"] == OLD + NEW
    tables = Database(with_driver(database))
    try:
        gone = await purge(tables, now - 30)
        assert {name: rows for name, rows in gone.items() if rows} == {
            "labels": OLD,
            "predictions": OLD,
        }
        assert (await purge(tables, now - 30))["labels"] == 0
        # Once nobody has declared the trial for that long, all of it goes.
        gone = await purge(tables, time.time() + 1)
        assert gone["trials"] == 1
        assert gone["labels"] == gone["predictions"] == NEW
        # Of each unit one for its bad events and one for its labels.
        assert gone["exposures"] == 2 * (OLD + NEW)
    finally:
        await tables.close()
