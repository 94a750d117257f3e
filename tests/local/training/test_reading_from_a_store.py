"""Rows to learn from that lie in an object store: a real S3 server, read by the usual variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo_training.complaint import DataComplaint
from tests.harness.bento_servers import S3_KEYS, s3
from tests.local.training.stored import a_bucket, assert_the_rows_of_the_file, gathered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3(a_bucket(tmp_path_factory.mktemp("s3"))) as url:
        yield url


@pytest.fixture
def access(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Told as a user tells it."""
    variables = {**S3_KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}
    for name, value in {**variables, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_store_gives_the_rows_of_the_file(kind: str, tmp_path: Path) -> None:
    assert_the_rows_of_the_file("s3", kind, tmp_path)


@pytest.mark.usefixtures("access")
def test_an_object_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataComplaint, match=r"source 'surveys' \(s3://research/never\.csv\)"):
        gathered("csv", "s3://research/never.csv", tmp_path)


def test_wrong_keys_are_a_sentence(access: pytest.MonkeyPatch, tmp_path: Path) -> None:
    access.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(DataComplaint, match="access is told by the variables AWS_ACCESS_KEY_ID"):
        gathered("csv", "s3://research/2025/surveys.csv", tmp_path)
