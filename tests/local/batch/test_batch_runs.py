"""Whole runs: what they write, on the disk and in a store, and what a killed pod leaves."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from dohyo.contract.batch import BatchInput
from tests.harness import model
from tests.harness.bento_servers import S3_KEYS, s3
from tests.local.batch.conftest import ROWS
from tests.local.batch.scoring import Batch, Scores, order, tumours

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def compared(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """A run of both versions in three shards."""
    home = tmp_path_factory.mktemp("compared")
    both = order(data.as_uri(), (home / "out").as_uri(), "logistic", "boosting", shards=3)
    run = Batch(home, both)
    done = run.done("score", "--index", "0", "1", "2")
    assert [each.shard for each in done.summaries] == [0, 1, 2]
    ended = run.done("finish").last
    assert (ended.rows, ended.bad_rows) == (ROWS, 0)
    assert json.loads(run.last_words.read_text())["rows"] == ROWS
    return Scores(home / "out" / "r1")


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_every_row_is_scored_once_as_the_model_does(compared: Scores, name: str) -> None:
    frame = tumours(ROWS)
    scores = compared.rows(3, name)

    assert scores["row"].tolist() == list(range(ROWS))
    assert scores["hospital"].tolist() == frame["hospital"].tolist()
    assert set(scores["version"]) == {name}
    assert scores["prediction_id"].is_unique
    asked = frame.iloc[:500, :30].to_numpy()
    tag = {"logistic": model.LOGISTIC, "boosting": model.BOOSTING}[name]
    own = pd.DataFrame(model.own_probabilities(tag, asked))
    for label in ("benign", "malignant"):
        np.testing.assert_allclose(scores[f"probability_{label}"][:500], own[label], atol=1e-6)


def test_the_end_names_every_file_with_its_checksum(compared: Scores) -> None:
    success = json.loads((compared.folder / "_SUCCESS.json").read_text())

    assert len(success["parts"]) == 6
    for each in success["parts"]:
        content = (compared.folder / each["name"]).read_bytes()
        assert len(content) == each["bytes"]
        assert hashlib.sha256(content).hexdigest() == each["sha256"]


def test_versions_are_compared_on_the_same_rows(compared: Scores) -> None:
    (found,) = compared.report["comparisons"]
    one, other = (compared.rows(3, name) for name in ("logistic", "boosting"))

    assert found["rows"] == found["labels"]["rows"] == ROWS
    same = one["prediction"].to_numpy() == other["prediction"].to_numpy()
    assert found["agreement"] == pytest.approx(same.mean())
    shift = other["probability_malignant"].mean() - one["probability_malignant"].mean()
    assert found["shift"]["value"] == pytest.approx(shift)
    truth = tumours(ROWS)["finding"].to_numpy()
    right = [int((each["prediction"].to_numpy() == truth).sum()) for each in (one, other)]
    assert found["labels"]["right"] == right


def test_the_report_has_groups_courses_and_drift(compared: Scores) -> None:
    first = compared.report["versions"][0]
    scores = compared.rows(3)
    means = scores.groupby("hospital")["probability_malignant"].mean()

    assert {each["group"][0]: each["mean"] for each in first["groups"]} == pytest.approx(
        means.to_dict()
    )
    assert {each["period"] for each in first["course"]} == {
        "2026-11-02",
        "2026-11-09",
        "2026-11-16",
        "2026-11-23",
    }
    assert len(first["drift"]) > 20
    assert "<svg" in (compared.folder / "report.html").read_text()


def test_a_killed_shard_leaves_nothing_and_comes_out_the_same(data: Path, tmp_path: Path) -> None:
    run = Batch(tmp_path, order(data.as_uri(), (tmp_path / "out").as_uri()))
    scores = Scores(tmp_path / "out" / "r1")
    run.done("score", "--index", "0")
    before = scores.part(0).read_bytes(), scores.record(0).read_bytes()

    for _ in range(5):
        scores.part(0).unlink()
        scores.record(0).unlink()
        process = run.start("score", "--index", "0")
        assert process.stdout is not None
        with process, process.stdout:
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        # On a busy machine it may have come to its end meanwhile.
        if not scores.record(0).exists():
            break
    assert scores.names == {"manifest.json"}
    left = run.do("finish")
    assert (left.code, left.last.reason, left.last.left) == (1, "Unfinished", (0,))

    again = run.done("score", "--index", "0").last
    assert (again.reason, again.rows) == ("Done", ROWS)
    assert (scores.part(0).read_bytes(), scores.record(0).read_bytes()) == before


def test_in_a_store_all_is_as_on_the_disk(few: Path, tmp_path: Path) -> None:
    buckets = tmp_path / "buckets"
    (buckets / "scores").mkdir(parents=True)
    shutil.copytree(few, buckets / "customers" / "week")
    with s3(buckets) as endpoint:
        given = order("s3://customers/week/", "s3://scores/weekly", shards=2)
        run = Batch(tmp_path, given, AWS_ENDPOINT_URL=endpoint, **S3_KEYS)
        run.done("score", "--index", "0", "1")
        ended = run.done("finish").last
    assert (ended.rows, ended.bad_rows) == (2_000, 0)

    scores = Scores(buckets / "scores" / "weekly" / "r1").rows(2)
    assert scores["row"].tolist() == list(range(2_000))
    assert scores["hospital"].tolist() == tumours(2_000, seed=2)["hospital"].tolist()


def test_input_and_output_are_opened_by_their_own_credentials(few: Path, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    shutil.copytree(few, theirs / "customers" / "week")
    (ours / "scores").mkdir(parents=True)
    own = {"AWS_ACCESS_KEY_ID": "writer", "AWS_SECRET_ACCESS_KEY": "writer-secret-2"}
    given = order("s3://customers/week/", "s3://scores/weekly")
    with s3(theirs) as source, s3(ours, keys=own) as target:
        reading = {**S3_KEYS, "AWS_ENDPOINT_URL": source}
        writing = {"AWS_ENDPOINT_URL": target, **own}
        apart = {f"DOHYO_OUTPUT_{name}": text for name, text in writing.items()}
        run = Batch(tmp_path, given, **reading, **apart)
        run.done("score", "--index", "0")
        assert run.done("finish").last.rows == 2_000
        assert len(Scores(ours / "scores" / "weekly" / "r1").rows(1)) == 2_000
        assert [each.name for each in theirs.iterdir()] == ["customers"]

        # A Secret of the output's own that is empty, or is not there.
        lacking = Batch(tmp_path / "lacking", given, **reading, DOHYO_OUTPUT_OWN="true").do("plan")
    assert (lacking.code, lacking.last.reason) == (2, "NoCredentials")
    assert "s3://scores/weekly/r1" in lacking.last.message


def test_other_formats_give_the_same_scores(tmp_path: Path) -> None:
    frame = tumours(2_000, seed=2)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    lines = frame.assign(day=frame["day"].astype(str))
    lines.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, double_precision=15)
    from sqlalchemy import create_engine  # noqa: PLC0415 - of this test alone

    url = f"sqlite:///{tmp_path / 'rows.db'}"
    lines.assign(id=lines.index + 7).to_sql("rows", create_engine(url))
    inputs = {
        "csv": BatchInput((tmp_path / "rows.csv").as_uri(), "csv"),
        "json": BatchInput((tmp_path / "rows.jsonl").as_uri(), "json"),
        "sql": BatchInput(url, "sql", query="SELECT * FROM rows", key="id"),
    }
    found = {}
    for name, source in inputs.items():
        target = (tmp_path / name / "out").as_uri()
        run = Batch(tmp_path / name, order("", target, input=source, shards=2))
        run.done("score", "--index", "0", "1")
        found[name] = Scores(tmp_path / name / "out" / "r1").rows(2)

    own = pd.DataFrame(model.own_probabilities(model.LOGISTIC, frame.iloc[:, :30].to_numpy()))
    for scores in found.values():
        assert scores["row"].tolist() == list(range(2_000))
        assert scores["hospital"].tolist() == frame["hospital"].tolist()
        np.testing.assert_allclose(scores["probability_benign"], own["benign"], atol=1e-6)
