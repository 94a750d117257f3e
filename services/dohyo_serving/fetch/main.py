"""`dohyo-fetch URI FOLDER`: puts a bento into a folder, or says in one line why not."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from dohyo_serving.fetch.address import address_of, digest_of
from dohyo_serving.fetch.buckets import Bucket
from dohyo_serving.fetch.cache import Cache
from dohyo_serving.fetch.credentials import secrets_of
from dohyo_serving.fetch.delivery import Delivered, Delivery
from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.files import Files
from dohyo_serving.fetch.order import Limits, Order
from dohyo_serving.fetch.patience import Patience
from dohyo_serving.fetch.registry import Registry
from dohyo_serving.fetch.web import Web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from dohyo_serving.fetch.source import Source

_GIGABYTE: Final = 1 << 30
_TERMINATED: Final = 128 + signal.SIGTERM
_CLAIMS: Final = "/mnt/claims"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Exit code 0 when the bento is there, 1 with one line of explanation."""
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        delivery = _delivery(chosen, os.environ)
        delivered = delivery.into(Path(chosen.folder))
        _leave_word(chosen.word, delivered)
    except FetchError as error:
        sys.exit(f"dohyo-fetch: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if chosen.debug:
            raise
        words = " ".join(str(error).split())
        sys.exit(f"dohyo-fetch: {type(error).__name__}: {words}; --debug tells where")
    digest = f", {delivered.digest}" if delivered.digest else ""
    how = "is there already" if delivered.present else "is there"
    _say(f"{delivered.bento.tag} {how}{digest}")
    sys.exit(0)


def _delivery(chosen: argparse.Namespace, environ: Mapping[str, str]) -> Delivery:
    limits = Limits(
        archive_bytes=chosen.most_gigabytes * _GIGABYTE,
        unpacked_bytes=2 * chosen.most_gigabytes * _GIGABYTE,
        seconds=chosen.seconds,
        patience_seconds=chosen.patience,
    )
    folder = Path(chosen.credentials) if chosen.credentials else None
    order = Order(
        address=address_of(chosen.uri),
        digest=digest_of(chosen.digest),
        secrets=secrets_of(folder, environ),
        claims=Path(chosen.claims),
        plain_registries=frozenset(chosen.plain_registry),
        limits=limits,
    )
    cache = None
    if chosen.cache:
        most = chosen.cache_gigabytes * _GIGABYTE
        cache = Cache(Path(chosen.cache), most, limits.seconds, _say)
    # Many pods start at once after a node's failure; they should not all come back at once.
    patience = Patience(limits.patience_seconds, time.monotonic, time.sleep, random.random, _say)
    return Delivery(order, source_of(order), chosen.bento, cache, patience)


def source_of(order: Order) -> Source:
    """Who can read that kind of address."""
    scheme = order.address.scheme
    if scheme in ("https", "http"):
        return Web(order)
    if scheme in ("s3", "gs"):
        return Bucket(order)
    if scheme == "oci":
        return Registry(order)
    return Files(order)


def _leave_word(path: str | None, delivered: Delivered) -> None:
    """For the operator, where Kubernetes puts it into the pod's status."""
    if path is None:
        return
    word = {
        "bento": delivered.bento.tag,
        "digest": delivered.digest,
        "dohyoServing": delivered.bento.has_library,
    }
    try:
        Path(path).write_text(json.dumps(word))
    except OSError as error:
        _say(f"nothing could be left in {path}: {error.strerror}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dohyo-fetch", description="Fetches an exported bento and unpacks it into a folder."
    )
    parser.add_argument("uri", help="https, s3, gs, oci, pvc or file address; http with a digest")
    parser.add_argument("folder", help="that becomes the bento's; replaced if it is there")
    parser.add_argument("--digest", help="sha256:… that the address must lead to")
    parser.add_argument("--bento", metavar="TAG", help="that the bento must have")
    parser.add_argument("--credentials", metavar="FOLDER", help="a mounted Secret")
    parser.add_argument(
        "--claims",
        default=_CLAIMS,
        metavar="FOLDER",
        help="where pvc:// finds volumes by their claims (default: %(default)s)",
    )
    parser.add_argument("--cache", metavar="FOLDER", help="of archives, shared by many pods")
    parser.add_argument("--cache-gigabytes", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--most-gigabytes", type=int, default=16, help="default: %(default)s")
    parser.add_argument(
        "--plain-registry",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a registry without TLS; may be repeated",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for what is temporary (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=1800.0,
        help="until the download must be over (default: %(default)s)",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks of our own mistakes")
    parser.add_argument("--word", metavar="FILE", help="gets what was found, as JSON")
    return parser


def _say(line: str) -> None:
    print(f"dohyo-fetch: {line}", file=sys.stderr, flush=True)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(_TERMINATED)


if __name__ == "__main__":
    main()
