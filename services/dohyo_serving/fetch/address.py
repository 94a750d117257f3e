"""Addresses of bentos, taken apart once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from dohyo_serving.fetch.errors import FetchError

SCHEMES: Final = ("https", "http", "s3", "gs", "pvc", "oci", "file")
DIGEST: Final = re.compile(r"sha256:[a-f0-9]{64}")
# Longer ones are presigned; what tells two of them apart is not for a log.
_SHOWN: Final = 200


@dataclass(frozen=True)
class Address:
    """Where a bento lies.

    Attributes:
        uri: as it was given; it may hold a signature in its query.
        scheme: one of SCHEMES.
        place: host with port, bucket or claim.
        path: below the place, decoded, without the leading slash; of a file it is absolute.
    """

    uri: str
    scheme: str
    place: str
    path: str

    def __str__(self) -> str:
        """For people: without query, user and password."""
        parts = urlsplit(self.uri)
        host = parts.netloc.rpartition("@")[2]
        shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
        return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def address_of(uri: str) -> Address:
    """Takes an address apart.

    Raises:
        FetchError: it is none that a bento can be fetched from.
    """
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme not in SCHEMES:
        shown = uri.partition("?")[0]
        raise FetchError(f"{shown!r} is no address; begin with {', '.join(SCHEMES)} and '://'")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise FetchError(f"{scheme}://…: {error}; correct the address") from error
    if scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise FetchError(f"{uri}: name an absolute path, as file:///models/a.bento")
        return Address(uri, scheme, "", unquote(parts.path))
    address = Address(uri, scheme, parts.netloc, unquote(parts.path).lstrip("/"))
    if parts.username is not None or "@" in parts.netloc:
        raise FetchError(f"{address}: the address holds a user; give credentials by a Secret")
    if not parts.netloc or not address.path:
        raise FetchError(f"{address}: something is missing; write {_forms()[scheme]}")
    return address


def _forms() -> dict[str, str]:
    return {
        "https": "https://host/path",
        "http": "http://host/path",
        "s3": "s3://bucket/key",
        "gs": "gs://bucket/key",
        "pvc": "pvc://claim/path",
        "oci": "oci://host/repository:tag",
    }


def digest_of(text: str | None) -> str | None:
    """The digest as it was given; None stands for none.

    Raises:
        FetchError: it is no SHA-256.
    """
    if not text:
        return None
    if DIGEST.fullmatch(text) is None:
        raise FetchError(f"digest {text!r} is none; write sha256: and 64 hexadecimal digits")
    return text
