"""From an emulator of Google's object store.

Building the emulator takes minutes on a small machine, so DOHYO_TEST_GCS=1 asks for it.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.harness.bento_servers import gcs
from tests.local.fetch.fetching import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.authority import Authority
    from tests.local.fetch.conftest import Export

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("DOHYO_TEST_GCS") != "1", reason="DOHYO_TEST_GCS=1 builds the emulator"
    ),
]


@pytest.fixture(scope="module")
def secrets(
    tmp_path_factory: pytest.TempPathFactory, export: Export, authority: Authority
) -> Iterator[dict[str, str]]:
    root = tmp_path_factory.mktemp("gcs") / "buckets"
    (root / "models" / "deep").mkdir(parents=True)
    shutil.copy(export.path, root / "models" / "deep" / "greeter.bento")
    with gcs(root, authority) as url:
        # The fields by which an account's file names another endpoint, one that signs nobody in.
        account = {"gcs_base_url": url, "disable_oauth": True}
        account |= {"client_email": "", "private_key": "", "private_key_id": ""}
        yield {
            "gcloud-application-credentials.json": json.dumps(account),
            "ca_crt": authority.certificate.read_text(),
        }


def test_an_object(export: Export, secrets: dict[str, str], tmp_path: Path) -> None:
    uri = "gs://models/deep/greeter.bento"
    done = fetch(uri, tmp_path, "--digest", export.digest, **secrets)
    assert done.code == 0, done.log
    assert (done.folder / "bento.yaml").is_file()


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
    done = fetch(uri, tmp_path, "--patience", "3", **{**secrets, **change})
    assert done.code == 1
    assert words in done.last_line
    assert "again in" not in done.log
