"""A bento in an object store: s3:// of any endpoint, gs://."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dohyo_serving.fetch.errors import FetchError, TemporaryError
from dohyo_serving.fetch.order import CHUNK_BYTES
from dohyo_serving.fetch.source import Content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    from dohyo_serving.fetch.order import Order

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Where nodes of clouds learn who they are; asked when nobody gives credentials.
_NODE_IDENTITY: Final = "169.254.169.254"
_PUBLIC: Final = {"s3": "AWS_SKIP_SIGNATURE", "gs": "GOOGLE_SKIP_SIGNATURE"}
# The name that other model servers give to the file of a Google service account in a Secret.
_GOOGLE_KEY: Final = "gcloud-application-credentials.json"


class Bucket:
    """One object."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._store: ObjectStore = _s3(order) if order.address.scheme == "s3" else _gs(order)

    def resolve(self) -> str | None:
        return self._order.digest

    @contextmanager
    def read(self) -> Iterator[Content]:
        # Late, because it need not be there for any other kind of address.
        from obstore.exceptions import BaseError  # noqa: PLC0415

        try:
            found = self._store.get(self._order.address.path)
            stream = found.stream(min_chunk_size=CHUNK_BYTES)
            yield Content((bytes(chunk) for chunk in stream), found.meta["size"])
        except (BaseError, OSError) as error:
            raise self._said(error) from error

    def _said(self, error: Exception) -> FetchError:
        """Which of what can go wrong it is, in words."""
        shown, kind = str(self._order.address), type(error).__name__
        if isinstance(error, FileNotFoundError) or kind == "NotFoundError":
            return FetchError(f"{shown}: no such object or bucket; correct the address")
        if isinstance(error, PermissionError) or kind in (
            "PermissionDeniedError",
            "UnauthenticatedError",
        ):
            return FetchError(
                f"{shown}: these credentials, or none, may not read it; "
                "give credentials.secretRef, or correct what is in its Secret"
            )
        words = _brief(str(error))
        if _NODE_IDENTITY in words:
            public = f'{_PUBLIC[self._order.address.scheme]}: "true"'
            return FetchError(
                f"{shown}: no credentials are given, and this node has no identity; give "
                f"credentials.secretRef, for a public bucket with {public}"
            )
        if any(
            sign in str(error) for sign in ("certificate", "UnknownIssuer", "InvalidCertificate")
        ):
            return FetchError(
                f"{shown}: the store's certificate is not trusted; "
                "put its authority's certificate as ca.crt into the credentials' Secret"
            )
        if "status code: 4" in words or "(4" in words:
            return FetchError(f"{shown}: {words}; correct the address, endpoint or region")
        return TemporaryError(f"{shown}: {words}; is the store up and reachable?")


def _s3(order: Order) -> ObjectStore:
    from obstore.store import S3Store  # noqa: PLC0415

    secrets = order.secrets
    given = {name: secrets[name] for name in secrets if name.startswith("AWS_")}
    endpoint = next((given[name] for name in _ENDPOINTS if given.get(name)), None)
    region = next((given[name] for name in _REGIONS if given.get(name)), "us-east-1")
    known = {
        "access_key_id": given.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": given.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": given.get("AWS_SESSION_TOKEN"),
        "endpoint": endpoint,
        "region": region,
    }
    config: dict[str, Any] = {name: value for name, value in known.items() if value}
    if given.get("AWS_SKIP_SIGNATURE", "").lower() == "true":
        config["skip_signature"] = True
    plain = endpoint is not None and endpoint.startswith("http://")
    if plain and order.digest is None:
        raise FetchError(
            f"{order.address}: its endpoint {endpoint} is plain http, so anybody on the way could "
            "replace it; give the digest, or an endpoint with https"
        )
    return S3Store(
        order.address.place,
        client_options=_client(order, plain=plain),
        retry_config=_no_retries(),
        **config,
    )


def _gs(order: Order) -> ObjectStore:
    from obstore.store import GCSStore  # noqa: PLC0415

    key = order.secrets.get(_GOOGLE_KEY)
    config: dict[str, Any] = {"service_account_key": key} if key else {}
    if order.secrets.get("GOOGLE_SKIP_SIGNATURE", "").lower() == "true":
        config["skip_signature"] = True
    return GCSStore(
        order.address.place,
        client_options=_client(order, plain=False),
        retry_config=_no_retries(),
        **config,
    )


def _client(order: Order, *, plain: bool) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": plain,
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=order.limits.silence_seconds),
        "timeout": timedelta(seconds=order.limits.seconds),
    }
    if authorities := order.secrets.get("ca.crt"):
        options["root_certificate"] = authorities
    return options


def _no_retries() -> RetryConfig:
    """Attempts are counted in one place, the same for every kind of address."""
    return {"max_retries": 0, "retry_timeout": timedelta(seconds=10)}


def _brief(words: str) -> str:
    """The first sentence of what the store's client says; the rest is its own structure."""
    line = " ".join(words.partition("Debug source:")[0].split())
    return line if len(line) <= 240 else line[:239] + "…"
