"""`dohyo train compare CONFIG TAG`: which of two versions is better on the same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dohyo_training.compare import EXIT_CODES
from dohyo_training.complaint import Complaint
from dohyo_training.config import load
from dohyo_training.run import compare_versions

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> int:
    """Prints the verdict; 0 when the challenger wins, 3 when it loses, 4 when undecided."""
    config = load(arguments.config)
    champion = arguments.champion or config.champion
    if not champion:
        raise Complaint("no champion to compare with; name one with --champion TAG")
    base = arguments.config.resolve().parent
    now = datetime.now(UTC)
    verdict = compare_versions(config, base, now, arguments.challenger, champion)
    print(verdict.text)
    return EXIT_CODES[verdict.outcome]
