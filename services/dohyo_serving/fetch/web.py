"""A bento behind https://, or behind http:// when its digest is known."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.http_client import Client, content_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo_serving.fetch.order import Order
    from dohyo_serving.fetch.source import Content


class Web:
    """One GET, with the user and password or the token of the Secret."""

    def __init__(self, order: Order) -> None:
        if order.address.scheme == "http" and order.digest is None:
            raise FetchError(
                f"{order.address}: anybody on the way could replace it; give its digest, or https"
            )
        self._order = order
        self._client = Client(
            order.secrets.get("ca.crt"),
            order.limits.silence_seconds,
            plain_allowed=order.digest is not None,
        )

    def resolve(self) -> str | None:
        return self._order.digest

    @contextmanager
    def read(self) -> Iterator[Content]:
        shown = str(self._order.address)
        headers = authorization(self._order.secrets)
        with self._client.get(self._order.address.uri, shown, headers) as answer:
            yield content_of(answer, shown)


def authorization(secrets: Mapping[str, str]) -> dict[str, str]:
    """The header for `token`, or for `username` and `password`; none without them."""
    if token := secrets.get("token"):
        return {"Authorization": f"Bearer {token}"}
    if user := secrets.get("username"):
        return {"Authorization": basic(user, secrets.get("password", ""))}
    return {}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
