"""From an OCI registry: open, by password, by tokens."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.harness.bento_servers import PASSWORD, USER, passwords, registry, tokens, web
from tests.harness.pushing import push, push_index
from tests.local.fetch.fetching import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.authority import Authority
    from tests.local.fetch.conftest import Export

pytestmark = pytest.mark.timeout(180)
OTHER = "sha256:" + "0" * 64


def test_tags_digests_and_indexes(export: Export, tmp_path: Path) -> None:
    with registry(tmp_path) as place:
        digest = push(place, "team/greeter", "v1", export.path.read_bytes())
        index = push_index(place, "team/greeter", "both", digest)
        for n, (reference, options) in enumerate(
            (
                (":v1", ("--bento", export.tag)),
                (":v1", ("--digest", digest)),
                (f"@{digest}", ()),
                (f":v1@{digest}", ()),
                (":both", ("--digest", index)),
            )
        ):
            done = fetch(f"oci://{place}/team/greeter{reference}", tmp_path / str(n), *options)
            assert done.code == 0, done.log
            assert done.word is not None
            assert done.word["digest"] == export.digest


def test_what_cannot_be_had(export: Export, tmp_path: Path) -> None:
    with registry(tmp_path) as place:
        push(place, "team/greeter", "v1", export.path.read_bytes())
        push(place, "team/greeter", "two", export.path.read_bytes(), b"another")
        for reference, options, words in (
            ("team/greeter:never", (), "answered 404"),
            ("team/greeter:v1", ("--digest", OTHER), "answered 404"),
            ("team/greeter:two", (), "has 2 layers"),
            ("team/greeter", (), "write oci://host/repository:tag"),
        ):
            done = fetch(f"oci://{place}/{reference}", tmp_path / "pod", *options)
            assert done.code == 1
            assert words in done.last_line


def test_a_blob_that_is_not_what_its_name_says(export: Export, tmp_path: Path) -> None:
    with registry(tmp_path) as place:
        push(place, "greeter", "v1", export.path.read_bytes())
        hexadecimal = export.digest.removeprefix("sha256:")
        (blob,) = (tmp_path / "blobs").rglob(f"{hexadecimal}/data")
        content = bytearray(blob.read_bytes())
        content[-1] ^= 1
        blob.write_bytes(content)
        done = fetch(f"oci://{place}/greeter:v1", tmp_path / "pod")
    assert done.code == 1
    assert f"not {export.digest}" in done.last_line


@pytest.mark.parametrize(
    "manifest",
    [b"[]", b"{", b'{"layers": 1}', b'{"layers": [1]}', b'{"layers": [{"digest": "md5:1"}]}'],
)
def test_a_manifest_that_makes_no_sense(manifest: bytes, tmp_path: Path) -> None:
    """From a server that calls itself a registry."""
    folder = tmp_path / "site"
    (folder / "v2" / "x" / "manifests").mkdir(parents=True)
    (folder / "v2" / "x" / "manifests" / "v1").write_bytes(manifest)
    with web(folder) as site:
        place = site.url.removeprefix("http://")
        done = fetch(f"oci://{place}/x:v1", tmp_path / "pod")
    assert done.code == 1
    assert "its manifest cannot be understood" in done.last_line


def test_a_registry_that_wants_a_password(export: Export, tmp_path: Path) -> None:
    with registry(tmp_path) as place:
        push(place, "greeter", "v1", export.path.read_bytes())
    with registry(tmp_path, passwords(tmp_path)) as place:
        uri = f"oci://{place}/greeter:v1"
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        config = json.dumps({"auths": {place: {"auth": login}}})
        stranger = fetch(uri, tmp_path / "a")
        wrong = fetch(uri, tmp_path / "b", username=USER, password="wrong")
        by_name = fetch(uri, tmp_path / "c", username=USER, password=PASSWORD)
        by_config = fetch(uri, tmp_path / "d", dockerconfigjson=config)
    assert (stranger.code, wrong.code) == (1, 1)
    assert "the registry wants a login; give credentials.secretRef" in stranger.last_line
    assert "answered 401" in wrong.last_line
    assert PASSWORD not in wrong.log
    assert (by_name.code, by_config.code) == (0, 0), by_name.log + by_config.log


def test_a_registry_that_believes_tokens(
    export: Export, authority: Authority, tmp_path: Path
) -> None:
    with registry(tmp_path) as place:
        push(place, "team/greeter", "v1", export.path.read_bytes())
    with tokens(authority) as auth, registry(tmp_path, auth) as place:
        uri = f"oci://{place}/team/greeter:v1"
        stranger = fetch(uri, tmp_path / "a")
        done = fetch(uri, tmp_path / "b", username=USER, password=PASSWORD)
    assert stranger.code == 1
    assert "(its token server): answered 401" in stranger.last_line
    assert done.code == 0, done.log
