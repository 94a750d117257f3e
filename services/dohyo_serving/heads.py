"""Heads of requests: a path and headers that have no end are refused before they fill the memory.

uvicorn bounds neither, since its parser keeps what it has until a header is complete; and it waits
forever for the first request of a connection, where it limits the wait for every other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

# A little more than what the gateway lets pass.
MOST_BYTES: Final = 64 * 1024
_BODY: Final = b'{"error": "path and headers have more than %d bytes; send less"}' % MOST_BYTES
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n" % len(_BODY)
) + _BODY


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol with an end to what is neither a body nor the end of a request."""

    _moved = True
    # Bytes of heads, of trailers, or between chunks, since something else came.
    _read = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        if self._moved:
            self._read = 0
            return
        self._read += len(data)
        if self._read > MOST_BYTES and not self.transport.is_closing():
            # Never into the middle of an answer.
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_REFUSAL)
            self.transport.close()
        elif self.cycle is None or self.cycle.response_complete:
            # Nothing is at work here, and what came ended the wait for it.
            self._wait()

    def _wait(self) -> None:
        """Closes the connection unless it brings something in the time of an idle one."""
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
