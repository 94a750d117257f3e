"""What is wrong with data, credentials or output ends as it is said to, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo.contract.batch import BatchInput
from tests.harness.bento_servers import S3_KEYS, s3
from tests.local.batch.scoring import Batch, Scores, order, tumours

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)


def test_one_row_in_a_hundred_is_put_aside(tmp_path: Path) -> None:
    frame = tumours(3_000).astype({"mean_area": object})
    frame.loc[::100, "mean_area"] = "lost"
    frame.to_csv(tmp_path / "rows.csv", index=False)
    source = BatchInput((tmp_path / "rows.csv").as_uri(), "csv")
    target = (tmp_path / "out").as_uri()

    run = Batch(tmp_path, order("", target, input=source))
    done = run.done("score", "--index", "0").last
    ended = run.done("finish").last

    assert (done.rows, done.bad_rows, ended.bad_rows) == (2_970, 30, 30)
    scores = Scores(tmp_path / "out" / "r1")
    assert scores.rows(1)["row"].tolist() == [row for row in range(3_000) if row % 100]
    aside = scores.quarantine()
    assert aside["row"].tolist() == list(range(0, 3_000, 100))
    assert set(aside["column"]) == {"mean_area"}
    assert set(aside["value"]) == {"lost"}
    assert "must be a number" in aside["reason"][0]

    strict = order("", target, input=source, on_bad_row="fail", run="r2")
    refused = Batch(tmp_path / "strict", strict).do("score", "--index", "0")
    assert (refused.code, refused.last.reason) == (2, "BadRow")
    assert "row 0: column 'mean_area': 'lost'" in refused.last.message


def test_a_truncated_file_is_named(few: Path, tmp_path: Path) -> None:
    content = (few / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    run = Batch(tmp_path, order(tmp_path.as_uri(), (tmp_path / "out").as_uri()))

    ended = run.do("score", "--index", "0")

    assert (ended.code, ended.last.reason) == (2, "InputUnreadable")
    assert "cut.parquet: is no whole parquet" in ended.last.message


def test_a_missing_column_is_named_with_the_way_out(few: Path, tmp_path: Path) -> None:
    source = BatchInput(few.as_uri(), columns={"mean_area": "AREA"})
    run = Batch(tmp_path, order("", (tmp_path / "out").as_uri(), input=source))

    ended = run.do("score", "--index", "0")

    assert (ended.code, ended.last.reason) == (2, "MissingColumn")
    assert "no column 'AREA'" in ended.last.message
    assert "input.columns" in ended.last.message
    assert Scores(tmp_path / "out" / "r1").names == {"manifest.json"}


def test_wrong_credentials_are_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "buckets" / "customers").mkdir(parents=True)
    given = order("s3://customers/week/", (tmp_path / "out").as_uri())
    with s3(tmp_path / "buckets") as endpoint:
        wrong = {**S3_KEYS, "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_ENDPOINT_URL": endpoint}
        ended = Batch(tmp_path, given, **wrong).do("plan")

    assert (ended.code, ended.last.reason) == (2, "NoCredentials")
    assert "AWS_ACCESS_KEY_ID" in ended.last.message


def test_a_full_disk_may_be_tried_again_and_leaves_no_part(few: Path, tmp_path: Path) -> None:
    run = Batch(tmp_path, order(few.as_uri(), (tmp_path / "out").as_uri()))
    run.done("plan")

    full = run.do("score", "--index", "0", within=("prlimit", "--fsize=20000"))

    assert (full.code, full.last.reason) == (1, "NoSpace")
    assert Scores(tmp_path / "out" / "r1").names == {"manifest.json"}


def test_an_output_that_exists_is_left_alone(few: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "out" / "r1" / "accounts.csv"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    run = Batch(tmp_path, order(few.as_uri(), (tmp_path / "out").as_uri()))

    ended = run.do("plan")
    assert (ended.code, ended.last.reason) == (2, "OutputExists")
    assert "accounts.csv is there" in ended.last.message

    foreign.unlink()
    run.done("plan")
    other = order(few.as_uri(), (tmp_path / "out").as_uri(), "boosting")
    changed = Batch(tmp_path / "other", other).do("plan")
    assert (changed.code, changed.last.reason) == (2, "OutputExists")
    assert "holds the run of another order" in changed.last.message


def test_an_input_that_changes_under_way_is_told(few: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.parquet"
    rows.write_bytes((few / "a.parquet").read_bytes())
    run = Batch(tmp_path, order(rows.as_uri(), (tmp_path / "out").as_uri()))
    run.done("plan")
    rows.write_bytes((few / "b.parquet").read_bytes())

    ended = run.do("score", "--index", "0")

    assert (ended.code, ended.last.reason) == (2, "InputChanged")
