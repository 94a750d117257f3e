"""Rows to learn from that lie in an object store: a real S3 server, read by the usual variables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from dohyo_training.complaint import DataComplaint
from dohyo_training.config import RunConfig
from dohyo_training.gather import gather
from dohyo_training.simulate import simulate
from tests.harness.bento_servers import S3_KEYS, s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

NOW = datetime(2026, 1, 10, tzinfo=UTC)
COLUMNS = ["survey_id", "product", "response_hours", "satisfied"]


@pytest.fixture(scope="module")
def surveys() -> pd.DataFrame:
    return simulate(500, 3).joined()[COLUMNS]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, surveys: pd.DataFrame) -> Iterator[str]:
    root = tmp_path_factory.mktemp("s3") / "buckets"
    bucket = root / "research" / "2025"
    bucket.mkdir(parents=True)
    surveys.to_csv(bucket / "surveys.csv", index=False)
    surveys.to_parquet(bucket / "surveys.parquet")
    with s3(root) as url:
        yield url


@pytest.fixture
def access(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Told as a user tells it."""
    variables = {**S3_KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}
    for name, value in {**variables, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def config(kind: str, path: str) -> RunConfig:
    return RunConfig.model_validate(
        {
            "task": {"target": "satisfied", "key": ["survey_id"]},
            "data": {"sources": [{"name": "surveys", "kind": kind, "path": path}]},
            "output": {"name": "satisfaction"},
        }
    )


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_store_gives_the_rows_of_the_file(
    kind: str, surveys: pd.DataFrame, tmp_path: Path
) -> None:
    remote = gather(config(kind, f"s3://research/2025/surveys.{kind}"), base=tmp_path, now=NOW)
    getattr(surveys, f"to_{kind}")(tmp_path / "here", index=False)
    local = gather(config(kind, "here"), base=tmp_path, now=NOW)
    assert len(remote.frame) == len(surveys)
    pd.testing.assert_frame_equal(remote.frame, local.frame)
    assert remote.digest == local.digest


@pytest.mark.usefixtures("access")
def test_an_object_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataComplaint, match=r"source 'surveys' \(s3://research/never\.csv\)"):
        gather(config("csv", "s3://research/never.csv"), base=tmp_path, now=NOW)


def test_wrong_keys_are_a_sentence(access: pytest.MonkeyPatch, tmp_path: Path) -> None:
    access.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(DataComplaint, match="access is told by the variables AWS_ACCESS_KEY_ID"):
        gather(config("csv", "s3://research/2025/surveys.csv"), base=tmp_path, now=NOW)
