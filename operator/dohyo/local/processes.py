"""Processes that belong to a ring: none outlives it, whichever way it ends.

Each leads a group and a session of its own, so that a terminal's Ctrl-C reaches the ring alone.
A warden (`dohyo.local.warden`) ends them when the ring is killed; the record on disk lets the next
ring end what even the warden could not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from dohyo.local import warden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

_SAME_SECONDS = 1.0
_GONE_SECONDS = 5.0
_RESTART_SECONDS = 1.0
_LAST_WORDS_BYTES = 4096


@dataclass(frozen=True)
class Program:
    """What is to run.

    Attributes:
        name: for people.
        command: path and arguments.
        environment: all of it.
        log: file that gets its output.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


@dataclass(frozen=True)
class Leftover:
    """A process of a former ring that still ran."""

    name: str
    process: int


class Household:
    """Starts processes and keeps their record.

    Args:
        record: file of what runs; one ring has it for itself.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._running: dict[int, tuple[str, float]] = {}
        self._warden: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Starts the warden; before any other process."""
        self._warden = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", warden.__file__),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._write()

    async def start(self, program: Program) -> asyncio.subprocess.Process:
        """Starts a program; who calls waits for its end and says `forget`.

        Raises:
            OSError: it cannot be started.
        """
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(program.environment),
                start_new_session=True,
            )
        self._tell("+", process.pid)
        with suppress(psutil.NoSuchProcess):
            born = psutil.Process(process.pid).create_time()
            self._running[process.pid] = (program.name, born)
            self._write()
        return process

    async def keep(self, program: Program) -> None:
        """Keeps a program up, starting it again when it ends; cancelled, asks it to end and waits.

        Raises:
            OSError: it cannot be started.
        """
        while True:
            process = await self.start(program)
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    signal_group(process.pid, signal.SIGTERM)
                    await process.wait()
                self.forget(process)
            log.error(
                "%s has ended with code %s and is started again", program.name, process.returncode
            )
            await asyncio.sleep(_RESTART_SECONDS)

    def forget(self, process: asyncio.subprocess.Process) -> None:
        """Notes that a process has ended; what it may have left of its group ends too."""
        signal_group(process.pid, signal.SIGKILL)
        self._tell("-", process.pid)
        if self._running.pop(process.pid, None) is not None:
            self._write()

    def kill_all(self) -> None:
        """Ends everything at once."""
        for process in self._running:
            signal_group(process, signal.SIGKILL)

    async def close(self) -> None:
        """Ends what is left, and the warden."""
        self.kill_all()
        if self._warden is not None and self._warden.stdin is not None:
            self._warden.stdin.close()
            await self._warden.wait()
        self._record.unlink(missing_ok=True)

    def _tell(self, sign: str, process: int) -> None:
        if self._warden is not None and self._warden.stdin is not None:
            # A line is short, so the pipe takes it at once.
            self._warden.stdin.write(f"{sign}{process}\n".encode())

    def _write(self) -> None:
        entries = [[process, *known] for process, known in self._running.items()]
        unfinished = self._record.with_suffix(".new")
        unfinished.write_text(json.dumps(entries))
        unfinished.replace(self._record)


def end_leftovers(record: Path) -> list[Leftover]:
    """Ends processes that a former ring has recorded and that still run; returns which."""
    try:
        entries = json.loads(record.read_text())
    except (OSError, ValueError):
        return []
    found, gone = [], []
    for process, name, born in entries:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            present = psutil.Process(process)
            same = abs(present.create_time() - born) < _SAME_SECONDS
            if same and present.status() != psutil.STATUS_ZOMBIE:
                signal_group(process, signal.SIGKILL)
                found.append(Leftover(name, process))
                gone.append(present)
    psutil.wait_procs(gone, timeout=_GONE_SECONDS)
    record.unlink(missing_ok=True)
    return found


def signal_group(process: int, number: signal.Signals) -> None:
    """Sends a signal to a process and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, number)


def log_size(path: Path) -> int:
    """Bytes of a log so far; 0 of one that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def last_words(path: Path, since: int = 0) -> str:
    """The end of a log, from a position on."""
    try:
        with path.open("rb") as text:
            size = text.seek(0, os.SEEK_END)
            text.seek(max(since, size - _LAST_WORDS_BYTES))
            return text.read().decode(errors="replace")
    except OSError:
        return ""
