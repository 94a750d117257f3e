"""What archives may hold, and what they may not."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo_serving.fetch.archive import unpack
from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.order import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = Limits(unpacked_bytes=1 << 20, entries=10)
FILES = {"bento.yaml": b"name: a", "src/service.py": b"x = 1\n", "models/empty": b""}


def a_tar(files: dict[str, bytes], **fields: object) -> bytes:
    """A tar of plain files; the fields change every entry."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def a_zip(files: dict[str, bytes], **fields: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = fields.get("mode", 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "pack",
    [a_tar, a_zip, lambda f: gzip.compress(a_tar(f)), lambda f: lzma.compress(a_tar(f))],
    ids=["tar", "zip", "tar.gz", "tar.xz"],
)
def test_every_form_is_unpacked(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    unpack(io.BytesIO(pack(FILES)), tmp_path, SMALL)
    found = {
        str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()
    }
    assert found == FILES


@pytest.mark.parametrize("pack", [a_tar, a_zip])
@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "a/../../up", "..", "a\\..\\up", "x" * 2000]
)
def test_nothing_is_written_elsewhere(
    pack: Callable[[dict[str, bytes]], bytes], name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    with pytest.raises(FetchError, match="outside of its own folder"):
        unpack(io.BytesIO(pack({name: b"x"})), folder, SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    evil = a_tar({"link": b""}, type=kind, linkname="/etc")
    with pytest.raises(FetchError, match="is a link or a device"):
        unpack(io.BytesIO(evil), tmp_path, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="is a link or a device"):
        unpack(io.BytesIO(a_zip({"link": b"/etc"}, mode=0o120777)), tmp_path, SMALL)


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(a_tar({"zeros": bytes(2 << 20)})),
        lzma.compress(a_tar({"zeros": bytes(2 << 20)})),
        a_zip({"zeros": bytes(2 << 20)}),
    ],
    ids=["gz", "xz", "zip"],
)
def test_bombs_are_given_up(bomb: bytes, tmp_path: Path) -> None:
    assert len(bomb) < 10_000
    with pytest.raises(FetchError, match="unpacks to more than"):
        unpack(io.BytesIO(bomb), tmp_path, SMALL)


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with pytest.raises(FetchError, match="a header of many megabytes"):
        unpack(io.BytesIO(header.tobuf(tarfile.GNU_FORMAT)), tmp_path, SMALL)


@pytest.mark.parametrize("pack", [a_tar, a_zip])
def test_too_many_entries(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="more than 10 entries"):
        unpack(io.BytesIO(pack({f"f{n}": b"" for n in range(11)})), tmp_path, SMALL)


def test_an_entry_that_comes_twice(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for content in (b"one", b"two"):
            member = tarfile.TarInfo("same")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(FetchError, match="'same' twice"):
        unpack(buffer, tmp_path, SMALL)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"\x1f\x8bnot gzip",
        b"\xfd7zXZ\x00not xz",
        b"PK\x03\x04not zip",
        gzip.compress(a_tar(FILES))[:-40],
        lzma.compress(a_tar(FILES))[:-40],
        a_tar(FILES)[:600],
        a_zip(FILES)[:-10],
    ],
)
def test_what_is_broken_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as refused:
        unpack(io.BytesIO(content), tmp_path, SMALL)
    assert "\n" not in str(refused.value)


@given(
    at=st.integers(0, 3000),
    byte=st.integers(0, 255),
    pack=st.sampled_from([a_tar, a_zip]),
)
def test_no_changed_byte_makes_it_crash_or_escape(
    at: int,
    byte: int,
    pack: Callable[[dict[str, bytes]], bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    outside = tmp_path_factory.mktemp("fuzz")
    folder = outside / "inside"
    folder.mkdir()
    content = bytearray(pack(FILES))
    content[at % len(content)] = byte
    with suppress(FetchError):
        unpack(io.BytesIO(bytes(content)), folder, SMALL)
    assert [path.name for path in outside.iterdir()] == ["inside"]
    assert not any(path.is_symlink() for path in folder.rglob("*"))
