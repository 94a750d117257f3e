"""What a ring keeps up is started again when it ends, and asked to end with the ring."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from dohyo.local.processes import Household, Program
from tests.harness.until import until

if TYPE_CHECKING:
    from pathlib import Path

# Ends at once until it has begun twice; then it stays, and says that it was asked to end.
STUBBORN = """
trap 'echo asked >> "$1"; exit 0' TERM
echo begun >> "$1"
[ "$(wc -l < "$1")" -ge 2 ] || exit 3
while true; do sleep 0.05; done
"""


async def test_a_program_is_started_again_and_asked_to_end(tmp_path: Path) -> None:
    record = tmp_path / "record"
    household = Household(record)
    await household.open()
    said = tmp_path / "said"
    said.touch()
    command = ("sh", "-c", STUBBORN, "sh", str(said))
    program = Program("stubborn", command, {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    keeping = asyncio.create_task(household.keep(program))
    lines = ["begun", "begun"]
    await asyncio.to_thread(
        until, "it has begun twice", lambda: said.read_text().split(), lines.__eq__, seconds=20
    )
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    assert said.read_text().split() == [*lines, "asked"]
    assert json.loads(record.read_text()) == []
    await household.close()
