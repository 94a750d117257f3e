"""Bytes → a file of known digest and bounded size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dohyo_serving.fetch.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dohyo_serving.fetch.order import Order
    from dohyo_serving.fetch.source import Content

_REPORT_SECONDS = 5.0
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Watch:
    """What a download is observed by.

    Attributes:
        clock: seconds that only grow.
        deadline: by that clock; a download still going on then is given up.
        say: takes a line for the log.
    """

    clock: Callable[[], float]
    deadline: float
    say: Callable[[str], None]


def download(
    content: Content, file: IO[bytes], order: Order, digest: str | None, watch: Watch
) -> str:
    """Writes the whole content to the file, from its start; its digest.

    Raises:
        FetchError: too large, too slow, or not what was asked for.
    """
    file.seek(0)
    file.truncate()
    limit = order.limits.archive_bytes
    if content.size is not None and content.size > limit:
        raise _too_large(order, content.size)
    seen = hashlib.sha256()
    written = 0
    for chunk in _reported(content, order, watch):
        written += len(chunk)
        if written > limit:
            raise _too_large(order, written)
        seen.update(chunk)
        try:
            file.write(chunk)
        except OSError as error:
            raise FetchError(f"{order.address}: {error.strerror} after {written} bytes") from error
    file.flush()
    found = f"sha256:{seen.hexdigest()}"
    if digest is not None and found != digest:
        raise FetchError(
            f"{order.address}: its digest is {found}, not {digest}; it was replaced or the digest "
            "is of something else. Nothing was unpacked"
        )
    return found


def _reported(content: Content, order: Order, watch: Watch) -> Iterator[bytes]:
    """The chunks, with a line now and then that tells how far they are."""
    told = watch.clock()
    received = 0
    for chunk in content.chunks:
        now = watch.clock()
        if now > watch.deadline:
            raise FetchError(
                f"{order.address}: not there after {order.limits.seconds:.0f} s "
                f"({received / _MEGABYTE:.0f} MB); a nearer store or a smaller bento helps"
            )
        received += len(chunk)
        if now - told >= _REPORT_SECONDS:
            told = now
            of = f" of {content.size / _MEGABYTE:.0f}" if content.size else ""
            watch.say(f"{order.address}: {received / _MEGABYTE:.0f}{of} MB")
        yield chunk


def _too_large(order: Order, size: int) -> FetchError:
    limit = order.limits.archive_bytes
    return FetchError(
        f"{order.address}: {size} bytes are more than the limit of {limit}; "
        "raise the installation's runtime.maxBentoGigabytes"
    )
