"""Puts a bento into a registry as `oras push` or a build of one COPY would."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = b"{}"


def push(place: str, name: str, tag: str, *layers: bytes) -> str:
    """Pushes an artifact of these layers; the digest of its manifest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(place, name, CONFIG, "application/vnd.oci.empty.v1+json"),
        "layers": [
            _blob(place, name, layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers
        ],
    }
    return _manifest(place, name, tag, manifest)


def push_index(place: str, name: str, tag: str, *digests: str) -> str:
    """Pushes an index over manifests that are there, one for each architecture."""
    sizes = [
        len(_call(place, "GET", f"/v2/{name}/manifests/{d}", accept=MANIFEST)) for d in digests
    ]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": MANIFEST,
                "digest": digest,
                "size": size,
                "platform": {"os": "linux", "architecture": f"arch{n}"},
            }
            for n, (digest, size) in enumerate(zip(digests, sizes, strict=True))
        ],
    }
    return _manifest(place, name, tag, index)


def _manifest(place: str, name: str, tag: str, document: dict[str, Any]) -> str:
    content = json.dumps(document).encode()
    _call(place, "PUT", f"/v2/{name}/manifests/{tag}", content, kind=document["mediaType"])
    return digest_of(content)


def _blob(place: str, name: str, content: bytes, kind: str) -> dict[str, Any]:
    digest = digest_of(content)
    connection = http.client.HTTPConnection(place, timeout=10)
    try:
        connection.request("POST", f"/v2/{name}/blobs/uploads/")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
        location = answer.headers["Location"]
    finally:
        connection.close()
    path = location.partition(place)[2] or location
    _call(place, "PUT", f"{path}&digest={digest}", content, kind="application/octet-stream")
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _call(
    place: str, verb: str, path: str, body: bytes | None = None, *, kind: str = "", accept: str = ""
) -> bytes:
    headers = {name: value for name, value in (("Content-Type", kind), ("Accept", accept)) if value}
    connection = http.client.HTTPConnection(place, timeout=10)
    try:
        connection.request(verb, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 201), (answer.status, content)
        return content
    finally:
        connection.close()
