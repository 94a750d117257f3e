"""GET requests that follow redirects carefully, and say in words why one failed."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from dohyo_serving.fetch.errors import FetchError, TemporaryError
from dohyo_serving.fetch.order import CHUNK_BYTES
from dohyo_serving.fetch.source import Content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message


class Refusal(FetchError):  # noqa: N818 - what the server did
    """An answer other than 200 that will not change.

    Attributes:
        status: of the answer.
        challenge: how the server wants to be told who asks.
    """

    def __init__(self, words: str, status: int, challenge: str | None) -> None:
        super().__init__(words)
        self.status = status
        self.challenge = challenge


class NoTls(FetchError):  # noqa: N818 - what the server is without
    """The server answers, and not in TLS."""


# Answers after which the same request may succeed.
_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT: Final = 60.0
_MOST_BYTES: Final = 4 << 20
_BROKEN: Final[Mapping[type[Exception], str]] = {
    TimeoutError: "the server says nothing; is it up and reachable?",
    socket.gaierror: "the host name is not known; correct the address or DNS",
    ConnectionRefusedError: "nobody listens there; is the server up?",
}
_ADVICE: Final = {
    401: "give credentials.secretRef, or correct what is in its Secret",
    403: "these credentials, or none, may not read it",
    404: "nothing is there; correct the address",
    410: "it was removed; correct the address",
}


class Client:
    """Requests by one set of trusted authorities.

    Args:
        authorities: certificates in PEM to trust besides the system's; None adds none.
        silence_seconds: that a server may send nothing.
        plain_allowed: whether a redirect may lead from https to http.
    """

    def __init__(
        self, authorities: str | None, silence_seconds: float, *, plain_allowed: bool
    ) -> None:
        context = ssl.create_default_context()
        if authorities:
            try:
                context.load_verify_locations(cadata=authorities)
            except ssl.SSLError as error:
                words = "ca.crt in the credentials' Secret holds no certificate in PEM"
                raise FetchError(f"{words} ({error.reason})") from error
        self._silence_seconds = silence_seconds
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _Redirects(plain_allowed)
        )

    def get(self, url: str, shown: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The answer 200 of a GET; its body is still to be read.

        Args:
            url: with everything in it.
            shown: for messages.
            headers: sent to this server, and to no other that it redirects to.

        Raises:
            FetchError: any other answer, or none.
        """
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - the scheme was checked
        for name, value in headers.items():
            request.add_unredirected_header(name, value)
        try:
            answer: http.client.HTTPResponse = self._opener.open(
                request, timeout=self._silence_seconds
            )
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(shown, error.code, error.reason, error.headers) from error
        except (OSError, http.client.HTTPException) as error:
            raise broken(shown, error) from error
        if answer.status != 200:
            answer.close()
            raise FetchError(f"{shown}: answered {answer.status} instead of 200")
        return answer


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5
    max_repeats = 2

    def __init__(self, plain_allowed: bool) -> None:
        self._plain_allowed = plain_allowed

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's own signature
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request to follow with, its credentials kept only for the same server."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme not in ("http", "https"):
            raise FetchError(f"{before.netloc}: redirects to {after.scheme}://, which is no web")
        if (before.scheme, after.scheme) == ("https", "http") and not self._plain_allowed:
            host = after.netloc.rpartition("@")[2]
            raise FetchError(
                f"{before.scheme}://{before.netloc}{before.path}: redirects to plain "
                f"http://{host}; give a digest, or an address that stays with https"
            )
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and (before.scheme, before.netloc) == (after.scheme, after.netloc):
            for name, value in req.unredirected_hdrs.items():
                if name.lower() != "host":
                    following.add_unredirected_header(name, value)
        return following


def content_of(answer: http.client.HTTPResponse, shown: str) -> Content:
    """The body, chunk by chunk, to its announced end."""
    announced = answer.headers.get("Content-Length", "")
    size = int(announced) if announced.isdecimal() else None
    return Content(_chunks(answer, shown, size), size)


def whole_of(answer: http.client.HTTPResponse, shown: str) -> bytes:
    """The body of an answer that is known to be small.

    Raises:
        FetchError: it is not.
    """
    content = b""
    for chunk in content_of(answer, shown).chunks:
        content += chunk
        if len(content) > _MOST_BYTES:
            raise FetchError(f"{shown}: answered with more than {_MOST_BYTES} bytes of JSON")
    return content


def _chunks(answer: http.client.HTTPResponse, shown: str, size: int | None) -> Iterator[bytes]:
    received = 0
    while True:
        try:
            # What is there, so that a server that sends a byte now and then is found out.
            chunk = answer.read1(CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise broken(shown, error) from error
        if not chunk:
            break
        received += len(chunk)
        yield chunk
    if size is not None and received < size:
        raise TemporaryError(f"{shown}: the connection broke after {received} of {size} bytes")


def refusal(shown: str, status: int, reason: str, headers: Message) -> FetchError:
    """What an answer other than 200 says."""
    said = f"{shown}: answered {status} {reason}".rstrip()
    if status in _TEMPORARY:
        asked = headers.get("Retry-After", "")
        wait = min(float(asked), _LONGEST_WAIT) if asked.isdecimal() else None
        return TemporaryError(f"{said}; the server is to be looked after", wait)
    advice = _ADVICE.get(status, "correct the address or the server")
    return Refusal(f"{said}; {advice}", status, headers.get("WWW-Authenticate"))


def broken(shown: str, error: BaseException) -> FetchError:
    """What a failed connection says."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchError(
            f"{shown}: its certificate is not trusted: {cause.verify_message}; "
            "put its authority's certificate as ca.crt into the credentials' Secret"
        )
    if isinstance(cause, FetchError):
        return cause
    if isinstance(cause, ssl.SSLError):
        return NoTls(f"{shown}: TLS fails: {cause.reason}; is it plain http?")
    for kind, said in _BROKEN.items():
        if isinstance(cause, kind):
            return TemporaryError(f"{shown}: {said}")
    words = " ".join(str(cause).split()) or type(cause).__name__
    return TemporaryError(f"{shown}: the connection fails: {words}")
