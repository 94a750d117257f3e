"""An order → a bento in its folder, whole or not at all."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dohyo_serving.fetch.archive import unpack
from dohyo_serving.fetch.download import Watch, download
from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.files import Files, packed
from dohyo_serving.fetch.inspection import Bento, inspected, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_serving.fetch.cache import Cache
    from dohyo_serving.fetch.order import Order
    from dohyo_serving.fetch.patience import Patience
    from dohyo_serving.fetch.source import Source


@dataclass(frozen=True)
class Delivered:
    """What lies in the folder now.

    Attributes:
        bento: what it says of itself.
        digest: of the archive; None for a folder that was copied.
        present: whether it was there already.
    """

    bento: Bento
    digest: str | None
    present: bool = False


@dataclass(frozen=True)
class Delivery:
    """What a delivery is made with.

    Attributes:
        order: what is wanted.
        source: where it comes from.
        tag: that the bento must have; None is any.
        cache: of the node; None without one.
        patience: with what is temporary.
    """

    order: Order
    source: Source
    tag: str | None
    cache: Cache | None
    patience: Patience

    def into(self, target: Path) -> Delivered:
        """Puts the bento at the target, which need not exist.

        Raises:
            FetchError: it cannot be had, or is not what was asked for; the target is as it was.
        """
        present = self._present(target)
        if present is not None:
            return present
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
                return self._made(target, Path(work))
        except OSError as error:
            where = error.filename or target
            raise FetchError(f"{where}: {error.strerror}; the folder must be writable") from error

    def _made(self, target: Path, work: Path) -> Delivered:
        with (work / "archive").open("w+b") as archive:
            digest = self._fetched(archive)
            unpacked = work / "unpacked"
            unpacked.mkdir()
            with self._named():
                unpack(archive, unpacked, self.order.limits)
        with self._named():
            root = root_of(unpacked)
            bento = inspected(root)
        if self.tag is not None and bento.tag != self.tag:
            raise FetchError(
                f"{self.order.address}: holds the bento {bento.tag}, not {self.tag}; "
                "correct the version's bento or its uri"
            )
        if target.exists():
            target.rename(work / "before")
        root.rename(target)
        target.chmod(0o755)
        _note(target).write_text(json.dumps([self.order.address.uri, self.order.digest, digest]))
        return Delivered(bento, digest)

    def _present(self, target: Path) -> Delivered | None:
        """What an earlier run of this very order has left, as when a pod's sandbox is remade."""
        try:
            uri, wanted, digest = json.loads(_note(target).read_text())
            if [uri, wanted] != [self.order.address.uri, self.order.digest]:
                return None
            bento = inspected(target)
        except (OSError, ValueError, FetchError):
            return None
        return Delivered(bento, digest, present=True)

    def _fetched(self, archive: IO[bytes]) -> str | None:
        if isinstance(self.source, Files) and self.source.is_folder:
            packed(self.source.path, archive, self.order.limits.unpacked_bytes)
            return None
        watch = Watch(
            self.patience.clock,
            self.patience.clock() + self.order.limits.seconds,
            self.patience.say,
        )
        digest = self.patience.with_retries(self.source.resolve)
        with ExitStack() as stack:
            cache = self.cache if digest is not None else None
            if cache is not None and digest is not None:
                stack.enter_context(cache.turn(digest))
                if self._from_cache(cache, digest, archive, watch):
                    return digest

            def attempt() -> str:
                with self.source.read() as content:
                    return download(content, archive, self.order, digest, watch)

            found = self.patience.with_retries(attempt)
            if cache is not None:
                cache.keep(found, archive)
        return found

    def _from_cache(self, cache: Cache, digest: str, archive: IO[bytes], watch: Watch) -> bool:
        with cache.read(digest) as content:
            if content is None:
                return False
            try:
                download(content, archive, self.order, digest, watch)
            except FetchError:
                cache.drop(digest)
                return False
        watch.say(f"{self.order.address}: taken from the node's cache")
        return True

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Lets what is wrong with an archive begin with its address."""
        try:
            yield
        except FetchError as error:
            raise FetchError(f"{self.order.address}: {error}") from error


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.fetched")
