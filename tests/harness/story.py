"""Given, when, then: the steps of a story, printed with the time each took."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Story:
    """Prints each step as it begins; a step that fails is the last line printed."""

    def __init__(self, name: str) -> None:
        self._began = time.monotonic()
        self._say(f"story: {name}")

    @contextmanager
    def given(self, text: str) -> Iterator[None]:
        with self._step("given", text):
            yield

    @contextmanager
    def when(self, text: str) -> Iterator[None]:
        with self._step("when", text):
            yield

    @contextmanager
    def then(self, text: str) -> Iterator[None]:
        with self._step("then", text):
            yield

    def tell(self, text: str) -> None:
        """Prints a number that the story measured."""
        self._say(f"        {text}")

    @contextmanager
    def _step(self, word: str, text: str) -> Iterator[None]:
        began = time.monotonic()
        self._say(f"  {word:>5} {text}")
        yield
        self._say(f"        … {time.monotonic() - began:.1f} s")

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", file=sys.stderr, flush=True)
