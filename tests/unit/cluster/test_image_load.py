from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from cluster import image_archive, image_load
from cluster.image_load import Holdings

if TYPE_CHECKING:
    from pathlib import Path

BASE, THIN = b"base layer", b"thin layer"
CONFIG = json.dumps(
    {"rootfs": {"diff_ids": [image_archive.digest(BASE), image_archive.digest(THIN)]}}
).encode()


def saved(path: Path, config: bytes = CONFIG) -> None:
    """An archive as `docker save` writes it: a layer may be a link to that of another image."""
    manifest = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["1/layer.tar", "2/layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        for name, content in (
            ("0/layer.tar", BASE),
            ("2/layer.tar", THIN),
            ("c.json", config),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("1/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../0/layer.tar"
        archive.addfile(link)


def contents(layout: Path) -> dict[str, bytes]:
    with tarfile.open(layout) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("held", "sent"),
    [
        pytest.param([], [BASE, THIN], id="an empty node gets all"),
        pytest.param([BASE], [THIN], id="a thin layer travels alone"),
        pytest.param([BASE, THIN], [], id="another name for what is there"),
    ],
)
def test_only_missing_layers_are_sent(tmp_path: Path, held: list[bytes], sent: list[bytes]) -> None:
    saved(tmp_path / "saved.tar")
    names = {image_archive.digest(CONFIG): ["docker.io/library/a:1", "docker.io/library/b:1"]}

    with tarfile.open(tmp_path / "saved.tar") as archive:
        images = image_archive.read(archive, names)
        assert images is not None
        size = image_archive.write(
            tmp_path / "layout.tar", archive, images, frozenset(map(image_archive.digest, held))
        )

    layout = contents(tmp_path / "layout.tar")
    blobs = [content for name, content in layout.items() if name.startswith("blobs/")]
    assert size == sum(map(len, sent))
    assert [blob for blob in blobs if blob in (BASE, THIN)] == sent
    assert CONFIG in blobs
    entries = json.loads(layout["index.json"])["manifests"]
    assert [entry["annotations"][image_archive.NAME] for entry in entries] == [
        "docker.io/library/a:1",
        "docker.io/library/b:1",
    ]
    for name, content in layout.items():
        if name.startswith("blobs/"):
            assert image_archive.digest(content) == "sha256:" + name.rsplit("/", 1)[1]


def test_an_engine_that_names_images_otherwise_has_its_archive_taken_as_it_is(
    tmp_path: Path,
) -> None:
    saved(tmp_path / "saved.tar", config=b'{"rootfs": {}}')

    with tarfile.open(tmp_path / "saved.tar") as archive:
        assert image_archive.read(archive, {image_archive.digest(CONFIG): ["a"]}) is None
        assert image_archive.read(archive, {image_archive.digest(b'{"rootfs": {}}'): ["a"]}) is None


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.11-slim", "docker.io/library/python:3.11-slim"),
        ("dohyo/operator:1", "docker.io/dohyo/operator:1"),
        ("dohyo/operator", "docker.io/dohyo/operator:latest"),
        ("registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.1"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("localhost/a:1", "localhost/a:1"),
    ],
)
def test_a_name_becomes_the_reference_that_the_kubelet_asks_for(name: str, reference: str) -> None:
    assert image_load.reference(name) == reference


def test_images_from_here_are_known_by_their_label() -> None:
    listed = (
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
        "docker.io/dohyo/a:1 application/x sha256:1 580.5 MiB linux/amd64 "
        "dohyo.dev/image-id=sha256:f1,io.cri-containerd.image=managed \n"
        "docker.io/dohyo/b:1 application/x sha256:2 5.5 MiB linux/amd64 "
        "io.cri-containerd.image=managed \n"
    )

    assert list(image_load.pairs_in(listed)) == ["docker.io/dohyo/a:1 sha256:f1"]


def test_nodes_that_hold_the_same_are_served_together() -> None:
    full = Holdings(frozenset({"docker.io/dohyo/a:1 sha256:f1"}), frozenset({"sha256:1"}))
    empty = Holdings(frozenset(), frozenset())

    assert image_load.by_holdings({"n1": empty, "n2": full, "n3": empty}) == {
        empty: ["n1", "n3"],
        full: ["n2"],
    }
    assert full.has("dohyo/a:1", "sha256:f1")
    assert not full.has("dohyo/a:1", "sha256:f2"), "the same name, built anew"
