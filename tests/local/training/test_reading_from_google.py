"""Rows to learn from, from an emulator of Google's object store, which takes minutes to build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo_training.complaint import DataComplaint
from tests.harness.authority import an_authority
from tests.harness.bento_servers import gcs
from tests.local.training.stored import a_bucket, assert_the_rows_of_the_file, gathered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """As a user tells the way to another endpoint, one that signs nobody in."""
    authority = an_authority(tmp_path_factory.mktemp("authority"))
    with gcs(a_bucket(tmp_path_factory.mktemp("gcs")), authority) as url:
        yield {
            "GOOGLE_BASE_URL": url,
            "GOOGLE_SKIP_SIGNATURE": "true",
            "SSL_CERT_FILE": str(authority.certificate),
        }


@pytest.fixture(autouse=True)
def access(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_store_gives_the_rows_of_the_file(kind: str, tmp_path: Path) -> None:
    assert_the_rows_of_the_file("gs", kind, tmp_path)


def test_an_object_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataComplaint, match=r"source 'surveys' \(gs://research/never\.csv\)"):
        gathered("csv", "gs://research/never.csv", tmp_path)
