"""Drift counts and signed ids of a run, with the real evidence service."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pandas as pd
import pytest

from dohyo.cluster.batch_labels import BatchLabels
from dohyo.cluster.evidence import Sources
from dohyo.cluster.store import Key
from dohyo.contract import BATCH_KIND
from dohyo.contract.batch_evidence import BatchEvidence
from dohyo.contract.documents import from_json
from dohyo.contract.evidence import STATE_NO_DATA
from dohyo.contract.keys import key_files
from dohyo.contract.prediction_id import decode
from tests.harness.until import until
from tests.local.batch.scoring import Batch, Scores, order
from tests.local.evidence.running import key_folder, keys_of, operators, quality, running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)


def test_counts_are_told_once_and_ids_belong_to_no_trial(few: Path, tmp_path: Path) -> None:
    database = tmp_path / "evidence.db"
    master = key_folder(tmp_path / "master")
    own = keys_of(master, "shop")
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, text in key_files(own).items():
        (folder / name).write_text(text)
    with running(f"sqlite:///{database}", master) as service:
        url = f"http://127.0.0.1:{service.port}"
        given = order(few.as_uri(), (tmp_path / "out").as_uri(), shards=2, evidence_url=url)
        run = Batch(tmp_path, given, DOHYO_KEYS=str(folder))
        run.done("score", "--index", "0", "1")
        # As after a pod that was lost when its last word was on the way.
        repeated = run.done("score", "--index", "1")
        assert repeated.last.reason == "DoneBefore"
        assert "not told" not in repeated.errors

    with closing(sqlite3.connect(database)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM windows").fetchone()
    assert stored == 2
    record = json.loads(Scores(tmp_path / "out" / "r1").record(0).read_text())
    assert sum(record["versions"]["logistic"]["features"]["mean_area"]["counts"]) == 1_000

    ids = [
        decode(each, own.signing_key)
        for each in Scores(tmp_path / "out" / "r1").rows(2)["prediction_id"]
    ]
    assert {(each.trial, each.share, each.mode) for each in ids} == {("batch:r1", None, "pinned")}
    assert len({each.nonce for each in ids}) == 2_000


async def heard_by_the_operator(url: str, master: Path) -> Mapping[str, BatchEvidence]:
    """What it knows of two runs after it has asked, and whether it asks again at once."""
    clock = [0.0]
    labels = BatchLabels(Sources(evidence=url, keys=master), lambda: clock[0])
    key = Key("shop", "weekly", BATCH_KIND)
    async with aiohttp.ClientSession() as session:
        labels.inquire(key, "tumours", ["r1", "r2"])
        assert await labels.look(session) == [key]
        labels.inquire(key, "tumours", ["r1", "r2"])
        known = labels.known(key)
        clock[0] = 3_600.0
        assert await labels.look(session) == []  # nothing is new
    labels.inquire(key, "another", ["r1"])
    assert labels.known(key) == {}
    return known


def test_later_labels_compare_versions_on_the_same_rows_and_join_no_trial(
    few: Path, tmp_path: Path
) -> None:
    master = key_folder(tmp_path / "master")
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, text in key_files(keys_of(master, "shop")).items():
        (folder / name).write_text(text)
    with running(f"sqlite:///{tmp_path / 'evidence.db'}", master) as found:
        service = found.of("tumours")
        # A trial of these very versions is open, and learns nothing from the run.
        service.declare(service.plan(quality(), champion="logistic", challenger="boosting"))
        url = f"http://127.0.0.1:{service.port}"
        source, target = few.as_uri(), (tmp_path / "out").as_uri()
        given = order(source, target, "logistic", "boosting", evidence_url=url)
        Batch(tmp_path, given, DOHYO_KEYS=str(folder)).done("score", "--index", "0")
        scores = Scores(tmp_path / "out" / "r1")
        truth = pd.read_parquet(few)["finding"]
        both = {name: scores.rows(1, name) for name in ("logistic", "boosting")}
        rows = [
            {"prediction_id": row.prediction_id, "label": truth[row.row]}
            for name, part in both.items()
            for row in part.itertuples()
            if name == "logistic" or row.row < 300
        ]
        # The service looks now and then which classes a version has.
        until(
            "classes are known by name",
            lambda: service.feedback(rows[:1])["accepted"],
            seconds=30,
        )
        assert service.feedback(rows[:1_000]) == {"accepted": len(rows[:1_000]), "refused": []}
        assert service.feedback(rows[1_000:])["refused"] == []
        again = {"prediction_id": rows[0]["prediction_id"], "label": rows[0]["label"]}
        assert service.feedback([again])["accepted"] == 1

        path = "/v1/evidence/shop/tumours/batches/"
        assert service.ask("GET", f"{path}r1")[0] == 401
        assert service.ask("GET", f"{path}r2", headers=operators(master))[0] == 404
        status, said = service.ask("GET", f"{path}r1", headers=operators(master))
        assert status == 200, said
        told = from_json(BatchEvidence, said)
        report = service.report()
        heard = asyncio.run(heard_by_the_operator(url, master))
        for run in ("r1", "r2", "r3"):
            work = Batch(tmp_path / run, replace(given, run=run), DOHYO_KEYS=str(folder))
            work.done("score", "--index", "0")
            assert "not told" not in work.done("finish").errors
    # The report of the next run has them, and that of the one after it has none.
    before = Scores(tmp_path / "out" / "r2").report["previous"]
    assert from_json(BatchEvidence, before["labels"]) == told
    page = (tmp_path / "out" / "r2" / "report.html").read_text()
    assert "What became of the run before" in page
    assert Scores(tmp_path / "out" / "r3").report["previous"]["labels"] is None
    assert heard == {"r1": told}

    wrong = {n: (p.prediction.to_numpy() != truth[p.row].to_numpy()) for n, p in both.items()}
    assert [(v.name, v.rows) for v in told.versions] == [
        ("boosting", 300),
        ("logistic", len(both["logistic"])),
    ]
    assert told.versions[0].mean == pytest.approx(wrong["boosting"][:300].mean())
    assert told.versions[1].mean == pytest.approx(wrong["logistic"].mean())
    (pair,) = told.pairs
    gain = wrong["boosting"][:300].mean() - wrong["logistic"][:300].mean()
    assert pair.rows == 300
    assert pair.gain == pytest.approx(gain)
    (gate,) = [g for trial in report.trials for g in trial.gates]
    assert gate.state == STATE_NO_DATA
