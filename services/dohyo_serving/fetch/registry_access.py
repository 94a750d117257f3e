"""How a registry lets somebody read: its challenge, the token server, the login of a Secret."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.http_client import Client, Refusal, whole_of
from dohyo_serving.fetch.web import basic

if TYPE_CHECKING:
    from collections.abc import Mapping


class Login(NamedTuple):
    """User and password for a registry."""

    user: str
    password: str


def login_of(secrets: Mapping[str, str], registry: str) -> Login | None:
    """The login for that registry: of a docker config, or `username` and `password`.

    Raises:
        FetchError: the docker config is none.
    """
    text = secrets.get(".dockerconfigjson")
    if text is None:
        user = secrets.get("username")
        return Login(user, secrets.get("password", "")) if user else None
    try:
        entries = json.loads(text)["auths"]
        entry = next((e for name, e in entries.items() if _host(name) == registry), None)
        if entry is None:
            return None
        if "username" in entry:
            return Login(entry["username"], entry.get("password", ""))
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise FetchError(
            "`.dockerconfigjson` in the credentials' Secret cannot be understood; "
            "make it with `kubectl create secret docker-registry`"
        ) from error
    return Login(user, password)


def _host(name: str) -> str:
    """``https://host/v1/`` and ``host`` are the same registry to docker."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]


def answers_to(client: Client, probe: str, shown: str, headers: Mapping[str, str]) -> str | None:
    """The challenge with which a registry answers a stranger; None when it lets him in."""
    try:
        client.get(probe, shown, headers).close()
    except Refusal as refusal:
        if refusal.status == 401 and refusal.challenge:
            return refusal.challenge
        if refusal.status in (403, 404):
            return None  # it has no answer for strangers there; what is asked for may have one
        raise
    return None


def granted(client: Client, challenge: str, login: Login | None, scope: str, shown: str) -> str:
    """The Authorization header that answers a challenge.

    Raises:
        FetchError: the token server grants nothing.
    """
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        if login is None:
            raise FetchError(f"{shown}: the registry wants a login; give credentials.secretRef")
        return basic(*login)
    said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    realm = said.get("realm", "")
    if kind.lower() != "bearer" or urlsplit(realm).scheme not in ("http", "https"):
        raise FetchError(f"{shown}: the registry asks in an unknown way: {challenge[:100]!r}")
    service = urlencode({"service": said["service"]}) + "&" if "service" in said else ""
    mark = "&" if "?" in realm else "?"
    headers = {"Authorization": basic(*login)} if login else {}
    with client.get(f"{realm}{mark}{service}{scope}", f"{shown} (its token server)", headers) as it:
        content = whole_of(it, shown)
    try:
        document = json.loads(content)
        token = document.get("token") or document["access_token"]
    except (ValueError, KeyError, AttributeError) as error:
        raise FetchError(f"{shown}: its token server grants no token") from error
    return f"Bearer {token}"
