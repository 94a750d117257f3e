"""Bodies that a client has compressed, unpacked within the limit of a body."""

from __future__ import annotations

import zlib
from typing import Final

from dohyo_serving.failures import MALFORMED, TOO_LARGE, UNSUPPORTED, RequestError

# Window bits of zlib: those of gzip, and of zlib's own format that HTTP calls deflate.
_WINDOWS: Final = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": 15}


def decoded(body: bytes, encoding: bytes, most: int) -> bytes:
    """The body before its client compressed it.

    Args:
        body: as it came.
        encoding: value of Content-Encoding.
        most: bytes of the result.

    Raises:
        RequestError: the encoding is unknown, the body is not of it, or too large.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in _WINDOWS:
        shown = encoding[:40].decode("latin-1")
        raise RequestError(
            UNSUPPORTED, f"Content-Encoding: {shown!r} is not read; send gzip, deflate or identity"
        )
    unpacking = zlib.decompressobj(_WINDOWS[name])
    try:
        plain = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise RequestError(MALFORMED, f"the body is no {name.decode()}: {error}") from error
    if len(plain) > most:
        raise RequestError(
            TOO_LARGE, f"the body has more than {most} bytes unpacked; send fewer rows"
        )
    if not unpacking.eof or unpacking.unused_data:
        words = "it ends early" if not unpacking.eof else "something follows its end"
        raise RequestError(MALFORMED, f"the body is no {name.decode()}: {words}")
    return plain
