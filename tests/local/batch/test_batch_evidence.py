"""Drift counts and signed ids of a run, with the real evidence service."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dohyo.contract.keys import key_files
from dohyo.contract.prediction_id import decode
from tests.local.batch.scoring import Batch, Scores, order
from tests.local.evidence.running import key_folder, keys_of, running

if TYPE_CHECKING:
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
    assert {(each.trial, each.share, each.mode) for each in ids} == {("", None, "pinned")}
    assert len({each.nonce for each in ids}) == 2_000
