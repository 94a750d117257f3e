"""`dohyo train CONFIG`: the whole way."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dohyo_training.config import load
from dohyo_training.run import train
from dohyo_training.telling import Console, Silence

if TYPE_CHECKING:
    from argparse import Namespace
    from contextlib import AbstractContextManager


def run(arguments: Namespace) -> int:
    """Trains, and prints the tag, what it is worth, and where the report lies."""
    config = load(arguments.config)
    base = arguments.config.resolve().parent
    telling: AbstractContextManager[Console | Silence] = (
        nullcontext(Silence()) if arguments.quiet else Console()
    )
    with telling as listener:
        finished = train(config, base, datetime.now(UTC), listener)
    print(finished.headline)
    if finished.verdict is not None:
        print(finished.verdict.text)
    print(f"{finished.tag}: {finished.folder}")
    return 0
