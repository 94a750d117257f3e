"""One HTTP/1.1 connection of a load: a request out, an answer in, nothing repeated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dohyo.contract import HEADER_VERSION

VERSION_HEADER = HEADER_VERSION.encode()


@dataclass(frozen=True)
class Answer:
    """What came back; `keep` says whether the connection may be used again."""

    status: int
    version: str
    body: bytes
    keep: bool


class MalformedError(Exception):
    """The answer is no HTTP/1.1."""


class Connection(asyncio.Protocol):
    """Carries one request at a time.

    `ask` ends with an Answer, or raises ConnectionError when the other side went away first.
    """

    def __init__(self) -> None:
        self.usable = False
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.usable = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(exc or "closed without answer")))

    async def ask(self, request: bytes) -> Answer:
        assert self._transport is not None
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        if not self.usable:
            raise ConnectionResetError("closed before the request")
        self._transport.write(request)
        answer = await self._answer
        if not answer.keep:
            self.close()
        return answer

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._received += data
        try:
            answer = parse(self._received)
        except (MalformedError, ValueError) as error:
            self._answer.set_exception(MalformedError(str(error)))
            self.close()
            return
        if answer is not None:
            self._answer.set_result(answer)


def parse(received: bytes | bytearray) -> Answer | None:
    """The answer, once all of it is there; None before.

    Raises:
        MalformedError: the bytes are no answer.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(received[:end]).split(b"\r\n")
    if not first.startswith(b"HTTP/1.") or len(first) < 12:
        raise MalformedError(f"status line {first!r}")
    headers = dict(_header(line) for line in lines)
    rest = bytes(received[end + 4 :])
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = _joined_chunks(rest)
    elif b"content-length" in headers:
        length = int(headers[b"content-length"])
        body = rest[:length] if len(rest) >= length else None
    else:
        raise MalformedError("neither content-length nor chunks")
    if body is None:
        return None
    return Answer(
        status=int(first[9:12]),
        version=headers.get(VERSION_HEADER, b"").decode("latin-1"),
        body=body,
        keep=headers.get(b"connection", b"").lower() != b"close",
    )


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def _joined_chunks(rest: bytes) -> bytes | None:
    body = b""
    while True:
        line, found, rest = rest.partition(b"\r\n")
        if not found:
            return None
        size = int(line.split(b";")[0], 16)
        if len(rest) < size + 2:
            return None
        if size == 0:
            return body
        body, rest = body + rest[:size], rest[size + 2 :]
