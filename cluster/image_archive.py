"""Archives of images with only what the reader lacks: a thin layer travels without its base."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class Layer:
    """A layer in an archive of `docker save`: its digest, its member, its size in bytes."""

    digest: str
    member: str
    size: int


@dataclass(frozen=True)
class SavedImage:
    """An image in an archive of `docker save`, and the references it is to be known by."""

    references: Sequence[str]
    config: bytes
    layers: Sequence[Layer]


def read(
    archive: tarfile.TarFile, references: Mapping[str, Sequence[str]]
) -> list[SavedImage] | None:
    """The images of an archive of `docker save`; `references` maps an image id to its own.

    None if the engine keeps images in another way than as plain layers named by their content:
    then the archive has to be taken as it is.
    """
    images = []
    for entry in json.load(_open(archive, "manifest.json")):
        config = _open(archive, entry["Config"]).read()
        known_by = references.get(digest(config))
        layer_digests = json.loads(config).get("rootfs", {}).get("diff_ids", [])
        if known_by is None or len(layer_digests) != len(entry["Layers"]):
            return None
        layers = [
            Layer(layer_digest, member, _open(archive, member).seek(0, io.SEEK_END))
            for layer_digest, member in zip(layer_digests, entry["Layers"], strict=True)
        ]
        images.append(SavedImage(known_by, config, layers))
    return images


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _open(archive: tarfile.TarFile, member: str) -> IO[bytes]:
    """A member's content; it may be a link to that of another image."""
    content = archive.extractfile(member)
    if content is None:
        raise KeyError(f"{member} is no file")
    return content


def write(
    target: Path, archive: tarfile.TarFile, images: Sequence[SavedImage], held: frozenset[str]
) -> int:
    """Writes the images as an OCI layout without the layers whose digest is held already.

    Returns the number of bytes of layers written.
    """
    written: set[str] = set(held)
    size = 0
    entries: list[dict[str, Any]] = []
    with tarfile.open(target, "w") as layout:
        _add(layout, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        for image in images:
            for layer in image.layers:
                if layer.digest not in written:
                    written.add(layer.digest)
                    size += layer.size
                    member = tarfile.TarInfo(_blob(layer.digest))
                    member.size = layer.size
                    layout.addfile(member, _open(archive, layer.member))
            manifest = json.dumps(_manifest(image)).encode()
            for content in (image.config, manifest):
                _add(layout, _blob(digest(content)), content)
            described = _descriptor(MANIFEST, manifest)
            entries.extend({**described, "annotations": {NAME: name}} for name in image.references)
        index = {"schemaVersion": 2, "manifests": entries}
        _add(layout, "index.json", json.dumps(index).encode())
    return size


def _manifest(image: SavedImage) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, image.config),
        "layers": [
            {"mediaType": LAYER, "digest": layer.digest, "size": layer.size}
            for layer in image.layers
        ],
    }


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _blob(content_digest: str) -> str:
    return f"blobs/{content_digest.replace(':', '/')}"


def _add(layout: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    layout.addfile(member, io.BytesIO(content))
