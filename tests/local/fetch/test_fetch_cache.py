"""The node's cache: taken from, not believed, shared by pods, bounded."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from dohyo_serving.fetch.cache import Cache
from tests.harness.bento_servers import web
from tests.local.fetch.fetching import SECONDS, fetch, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.fetch.conftest import Export

pytestmark = pytest.mark.timeout(180)
NAME = "greeter.bento"


def test_a_second_pod_asks_nobody(export: Export, tmp_path: Path) -> None:
    options = ("--digest", export.digest, "--cache", str(tmp_path / "cache"))
    with web(export.path.parent) as site:
        first = fetch(f"{site.url}/{NAME}", tmp_path / "a", *options)
        second = fetch(f"{site.url}/{NAME}", tmp_path / "b", *options)
        assert (first.code, second.code) == (0, 0), first.log + second.log
        assert len(site.seen) == 1
        (kept,) = (p for p in (tmp_path / "cache").iterdir() if p.suffix != ".lock")
        kept.write_bytes(b"something else")
        third = fetch(f"{site.url}/{NAME}", tmp_path / "c", *options)
        assert third.code == 0, third.log
        assert "something else; fetching it anew" in third.log
        assert len(site.seen) == 2
        assert kept.read_bytes() == export.path.read_bytes()


def test_pods_that_start_together_fetch_once(export: Export, tmp_path: Path) -> None:
    options = ("--digest", export.digest, "--cache", str(tmp_path / "cache"))
    with web(export.path.parent) as site:
        uri = f"{site.url}/{NAME}"
        pods = [start(uri, tmp_path / str(n), *options) for n in range(4)]
        logs = [pod.communicate(timeout=SECONDS)[1] for pod in pods]
    assert [pod.returncode for pod in pods] == [0] * 4, logs
    assert len(site.seen) == 1


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(
    export: Export, tmp_path: Path
) -> None:
    options = ("--digest", export.digest, "--cache", "/proc/sys/no-cache")
    done = fetch(f"file://{export.path}", tmp_path, *options)
    assert done.code == 0, done.log
    assert "fetching without it" in done.log


def test_the_least_lately_used_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 250, 1.0, print)
    digests = []
    for n in range(3):
        content = bytes([n]) * 100
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        digests.append(digest)
        cache.keep(digest, io.BytesIO(content))
        os.utime(tmp_path / digest.removeprefix("sha256:"), (n, n))
        if n == 1:
            with cache.read(digests[0]) as found:
                assert found is not None
    held = {path.name for path in tmp_path.iterdir()}
    assert held == {d.removeprefix("sha256:") for d in (digests[0], digests[2])}
    cache.keep("sha256:" + "a" * 64, io.BytesIO(b"x" * 251))
    assert {path.name for path in tmp_path.iterdir()} == held


def test_the_same_order_again_leaves_the_bento_alone(export: Export, tmp_path: Path) -> None:
    """As when a pod's sandbox is made anew, and all its containers start again."""
    options = ("--digest", export.digest)
    with web(export.path.parent) as site:
        first = fetch(f"{site.url}/{NAME}", tmp_path, *options)
        inode = (first.folder / "bento.yaml").stat().st_ino
        again = fetch(f"{site.url}/{NAME}", tmp_path, *options)
        assert (again.folder / "bento.yaml").stat().st_ino == inode
        assert len(site.seen) == 1
        other = fetch(f"{site.url}/{NAME}?v=2", tmp_path, *options)
    assert (again.code, other.code) == (0, 0)
    assert (other.folder / "bento.yaml").stat().st_ino != inode
    assert again.word == first.word


def test_a_failed_fetch_leaves_the_old_bento(export: Export, tmp_path: Path) -> None:
    first = fetch(f"file://{export.path}", tmp_path)
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as archive:
        member = tarfile.TarInfo("../../outside")
        archive.addfile(member, io.BytesIO())
    done = fetch(f"file://{evil}", tmp_path)
    assert (first.code, done.code) == (0, 1)
    assert "outside of its own folder" in done.last_line
    assert (done.folder / "bento.yaml").is_file()
    assert not (tmp_path.parent / "outside").exists()
