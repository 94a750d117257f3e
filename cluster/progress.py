"""Progress lines of long work: what runs, for how long, how long it takes as a rule."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEARTBEAT_SECONDS = 20.0


def say(message: str) -> None:
    """Prints on standard error: standard output belongs to what a shell reads."""
    print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`8 s`, `2 min 5 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def step(label: str, expected_seconds: float) -> Iterator[None]:
    """Announces a piece of work, repeats a line while it runs, tells how long it took."""
    began = time.monotonic()
    ended = threading.Event()
    usual = f"about {duration(expected_seconds)} as a rule"
    say(f"==> {label} ({usual})")

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            say(f"    … {label}: {duration(time.monotonic() - began)} so far, {usual}")

    heartbeat = threading.Thread(target=beat, daemon=True)
    heartbeat.start()
    try:
        yield
    except BaseException:
        say(f"    failed after {duration(time.monotonic() - began)}: {label}")
        raise
    finally:
        ended.set()
        heartbeat.join()
    say(f"    done in {duration(time.monotonic() - began)}")


def wait_while(trouble: Callable[[], str], seconds: float) -> str:
    """Asks four times a second what the trouble is until there is none, at most `seconds` long.

    Returns the last trouble; empty if there is none any more.
    """
    began = time.monotonic()
    told = began
    while present := trouble():
        now = time.monotonic()
        if now - began > seconds:
            return present
        if now - told > HEARTBEAT_SECONDS:
            say(f"    … {present}: {duration(now - began)} of at most {duration(seconds)}")
            told = now
        time.sleep(0.25)
    return ""
