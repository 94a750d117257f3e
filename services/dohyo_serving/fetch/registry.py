"""A bento in an OCI registry: an image or artifact of one layer."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from dohyo_serving.fetch.address import DIGEST
from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.http_client import Client, NoTls, content_of, whole_of
from dohyo_serving.fetch.registry_access import answers_to, granted, login_of

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator

    from dohyo_serving.fetch.order import Order
    from dohyo_serving.fetch.source import Content

_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# An index may lead to another one.
_DEEPEST: Final = 3
_REFERENCE: Final = re.compile(
    r"(?P<name>[a-z0-9]+([._/-]+[a-z0-9]+)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>sha256:[a-f0-9]{64}))?"
)


class Registry:
    """The one layer that a reference leads to."""

    def __init__(self, order: Order) -> None:
        match = _REFERENCE.fullmatch(order.address.path)
        if match is None or not (match["tag"] or match["digest"]):
            raise FetchError(f"{order.address}: write oci://host/repository:tag or …@sha256:…")
        if match["digest"] and order.digest and match["digest"] != order.digest:
            raise FetchError(f"{order.address}: its digest is not the given one; correct either")
        self._order = order
        self._name, self._digest = match["name"], match["digest"] or order.digest
        self._tag = match["tag"]
        self._layer: str | None = None
        self._login = login_of(order.secrets, order.address.place)
        self._token: str | None = None
        self._client = Client(
            order.secrets.get("ca.crt"),
            order.limits.silence_seconds,
            plain_allowed=self._digest is not None,
        )
        self._may_be_plain = _may_be_plain(order)
        self._scheme = "https"

    def resolve(self) -> str | None:
        """The digest of the layer that the manifest names; the manifest is checked first."""
        layers = self._layers(self._digest or self._tag, self._digest)
        if len(layers) != 1:
            raise FetchError(
                f"{self._order.address}: has {len(layers)} layers, not the one of a bento; push "
                "it as `FROM scratch` with one COPY, or name the image in the version's image"
            )
        self._layer = layers[0]
        return self._layer

    @contextmanager
    def read(self) -> Iterator[Content]:
        # A token of an earlier attempt may have expired.
        self._token = None
        digest = self._layer or self.resolve()
        with self._get(f"blobs/{digest}") as answer:
            yield content_of(answer, str(self._order.address))

    def _layers(self, reference: str, digest: str | None, depth: int = 0) -> list[str]:
        """The digests of the layers of the manifest that a tag or digest leads to."""
        with self._get(f"manifests/{reference}") as answer:
            content = whole_of(answer, self._shown)
            announced = answer.headers.get_content_type()
        if digest is not None:
            found = f"sha256:{hashlib.sha256(content).hexdigest()}"
            if found != digest:
                raise FetchError(f"{self._shown}: its manifest is {found}, not {digest}")
        try:
            document = json.loads(content)
            if (document.get("mediaType") or announced) not in _INDEXES:
                return [_digest_in(layer) for layer in document.get("layers", [])]
            chosen = _chosen(document["manifests"])
            picked = _digest_in(chosen) if chosen is not None else None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise FetchError(f"{self._shown}: its manifest cannot be understood") from error
        if picked is None or depth >= _DEEPEST:
            raise FetchError(f"{self._shown}: holds nothing for linux; push one for it")
        return self._layers(picked, picked, depth + 1)

    @property
    def _shown(self) -> str:
        return str(self._order.address)

    def _get(self, what: str) -> http.client.HTTPResponse:
        """An answer of the registry, after it has been told who asks if it wants to know."""
        headers = {"Accept": ", ".join((*_MANIFESTS, *_INDEXES, "*/*"))}
        if self._token is None:
            challenge = self._challenge(headers)
            self._token = self._authorization(challenge) if challenge is not None else ""
        if self._token:
            headers["Authorization"] = self._token
        return self._client.get(f"{self._root}{self._name}/{what}", self._shown, headers)

    @property
    def _root(self) -> str:
        return f"{self._scheme}://{self._order.address.place}/v2/"

    def _challenge(self, headers: dict[str, str]) -> str | None:
        """What the registry wants to know first; None when it answers anybody."""
        try:
            return answers_to(self._client, self._root, self._shown, headers)
        except NoTls:
            if not self._may_be_plain:
                raise
            self._scheme = "http"
            return answers_to(self._client, self._root, self._shown, headers)

    def _authorization(self, challenge: str) -> str:
        scope = urlencode({"scope": f"repository:{self._name}:pull"})
        return granted(self._client, challenge, self._login, scope, self._shown)


def _chosen(manifests: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one for this machine; a bento is the same on every architecture."""
    usable = [m for m in manifests if (m.get("platform") or {}).get("os", "linux") == "linux"]
    return usable[0] if usable else None


def _digest_in(descriptor: dict[str, Any]) -> str:
    """The digest of what a manifest names.

    Raises:
        ValueError: it is no SHA-256.
    """
    digest = str(descriptor["digest"])
    if DIGEST.fullmatch(digest) is None:
        raise ValueError(digest)
    return digest


def _may_be_plain(order: Order) -> bool:
    """Whether it may do without TLS: on this machine, and where the installation says so."""
    place = order.address.place
    host = place.rpartition(":")[0] if re.search(r":\d+$", place) else place
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return loopback or place in order.plain_registries
