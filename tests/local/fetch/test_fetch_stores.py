"""From an S3 server, and from mounted claims."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.harness.bento_servers import S3_KEYS, s3
from tests.local.fetch.fetching import a_bucket, assert_fetched, assert_refused, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.authority import Authority
    from tests.local.fetch.conftest import Export

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def endpoint(
    tmp_path_factory: pytest.TempPathFactory, export: Export, authority: Authority
) -> Iterator[str]:
    root = a_bucket(tmp_path_factory.mktemp("s3"), export)
    with s3(root, authority) as url:
        yield url


@pytest.fixture
def secrets(endpoint: str, authority: Authority) -> dict[str, str]:
    return {
        **S3_KEYS,
        "AWS_ENDPOINT_URL": endpoint,
        "ca_crt": authority.certificate.read_text(),
    }


def test_an_object(export: Export, secrets: dict[str, str], tmp_path: Path) -> None:
    assert_fetched("s3://models/deep/greeter.bento", tmp_path, export, secrets)


@pytest.mark.parametrize(
    ("uri", "change", "words"),
    [
        ("s3://models/never.bento", {}, "no such object or bucket"),
        ("s3://never/greeter.bento", {}, "no such object or bucket"),
        ("s3://models/deep/greeter.bento", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "may not read it"),
        ("s3://models/deep/greeter.bento", {"AWS_SKIP_SIGNATURE": "true"}, "may not read it"),
        ("s3://models/deep/greeter.bento", {"ca_crt": ""}, "certificate is not trusted"),
    ],
)
def test_what_cannot_be_had(
    secrets: dict[str, str], uri: str, change: dict[str, str], words: str, tmp_path: Path
) -> None:
    assert_refused(uri, tmp_path, words, {**secrets, **change})


def test_a_plain_endpoint_needs_a_digest(export: Export, tmp_path: Path) -> None:
    uri = "s3://models/deep/greeter.bento"
    with s3(a_bucket(tmp_path, export)) as endpoint:
        secrets = {**S3_KEYS, "AWS_ENDPOINT_URL": endpoint}
        refused = fetch(uri, tmp_path / "a", **secrets)
        options = ("--digest", export.digest)
        done = fetch(uri, tmp_path / "b", *options, **secrets)
    assert refused.code == 1
    assert "give the digest" in refused.last_line
    assert done.code == 0, done.log


@pytest.mark.parametrize("uri", ["s3://models/x.bento", "gs://models/x.bento"])
def test_without_any_credentials(uri: str, tmp_path: Path) -> None:
    """Where the node has no identity either, as on a machine without a cloud around it."""
    done = fetch(uri, tmp_path, "--patience", "3")
    assert done.code == 1
    assert "give credentials.secretRef" in done.last_line


def test_an_empty_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = fetch("s3://models/x.bento", tmp_path, "--credentials", str(tmp_path / "empty"))
    assert done.code == 1
    assert "does not exist or is empty" in done.last_line


def test_a_claim(export: Export, tmp_path: Path) -> None:
    """An archive in it, a folder in it, and nothing beside it."""
    claim = tmp_path / "claims" / "models"
    (claim / "team").mkdir(parents=True)
    shutil.copy(export.path, claim / "team" / "greeter.bento")
    shutil.copy(export.path, tmp_path / "claims" / "beside.bento")
    (claim / "out").symlink_to(tmp_path / "claims" / "beside.bento")
    where = ("--claims", str(tmp_path / "claims"))

    archive = fetch(
        "pvc://models/team/greeter.bento", tmp_path / "a", *where, "--digest", export.digest
    )
    assert archive.code == 0, archive.log
    shutil.copytree(archive.folder, claim / "team" / "unpacked")
    folder = fetch("pvc://models/team/unpacked", tmp_path / "b", *where, "--bento", export.tag)
    assert folder.code == 0, folder.log
    assert _files(folder.folder) == _files(archive.folder)

    for uri, options, words in (
        ("pvc://models/team/never", (), "nothing is there"),
        ("pvc://models/../beside.bento", (), "leads out of the claim"),
        ("pvc://models/out", (), "leads out of the claim"),
        ("pvc://other/x.bento", (), "is not mounted"),
        ("pvc://models/team/unpacked", ("--digest", export.digest), "is a folder"),
    ):
        refused = fetch(uri, tmp_path / "c", *where, *options)
        assert refused.code == 1
        assert words in refused.last_line


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
