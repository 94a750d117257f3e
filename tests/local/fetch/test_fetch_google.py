"""From an emulator of Google's object store, which takes minutes to build on a small machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.harness.bento_servers import gcs
from tests.local.fetch.fetching import a_bucket, assert_fetched, assert_refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.authority import Authority
    from tests.local.fetch.conftest import Export

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def secrets(
    tmp_path_factory: pytest.TempPathFactory, export: Export, authority: Authority
) -> Iterator[dict[str, str]]:
    root = a_bucket(tmp_path_factory.mktemp("gcs"), export)
    with gcs(root, authority) as url:
        # The fields by which an account's file names another endpoint, one that signs nobody in.
        account = {"gcs_base_url": url, "disable_oauth": True}
        account |= {"client_email": "", "private_key": "", "private_key_id": ""}
        yield {
            "gcloud-application-credentials.json": json.dumps(account),
            "ca_crt": authority.certificate.read_text(),
        }


def test_an_object(export: Export, secrets: dict[str, str], tmp_path: Path) -> None:
    assert_fetched("gs://models/deep/greeter.bento", tmp_path, export, secrets)


@pytest.mark.parametrize(
    ("uri", "change", "words"),
    [
        ("gs://models/never.bento", {}, "no such object or bucket"),
        ("gs://never/greeter.bento", {}, "no such object or bucket"),
        ("gs://models/deep/greeter.bento", {"ca_crt": ""}, "certificate is not trusted"),
    ],
)
def test_what_cannot_be_had(
    secrets: dict[str, str], uri: str, change: dict[str, str], words: str, tmp_path: Path
) -> None:
    assert_refused(uri, tmp_path, words, {**secrets, **change})
