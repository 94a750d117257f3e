"""One replica: a process that is started, asked, restarted, and drained at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from dohyo.api.conditions import rfc3339
from dohyo.local.pods import Ended, ReplicaState
from dohyo.local.ports import free_pair
from dohyo.local.processes import Program, last_words, log_size, signal_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dohyo.local.orders import Order
    from dohyo.local.processes import Household

log = logging.getLogger(__name__)

_ASK_STARTING_SECONDS = 0.1
_ASK_RUNNING_SECONDS = 1.0
# A process that was ready for so long and ends has met an accident: it comes back at once.
_PROVEN_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Surroundings:
    """What all replicas of a ring share.

    Attributes:
        household: starts processes.
        session: asks them.
        locate: the folder of a bento by its order's `image`; it may have to unpack it.
        variables: what replicas of a namespace are told beyond their order.
        on_change: called after every change of a replica's state.
    """

    household: Household
    session: aiohttp.ClientSession
    locate: Callable[[str], Path]
    variables: Callable[[str], Mapping[str, str]]
    on_change: Callable[[], None]


class Replica:
    """Runs until it is retired.

    Attributes:
        state: what is known of it now.
    """

    def __init__(self, state: ReplicaState, order: Order, surroundings: Surroundings) -> None:
        self.state = state
        self.order = order
        self._surroundings = surroundings
        self._retired = asyncio.Event()
        self._pause = _FIRST_PAUSE_SECONDS
        self._drains = True

    def retire(self, *, drain: bool = True) -> None:
        """It leaves the endpoints now, finishes its requests, and ends.

        Args:
            drain: answer on while the gateway takes notice; False when there is none any more.
        """
        self._drains = drain
        if not self._retired.is_set():
            self._retired.set()
            self._set(retired_at=_now())

    async def run(self) -> None:
        """Keeps a process up; returns when it is retired and its process has ended."""
        while not self._retired.is_set():
            process = await self._start()
            if process is not None:
                try:
                    await self._attend(process)
                finally:
                    self._surroundings.household.forget(process)
            if not self._retired.is_set():
                await self._rest()

    async def _start(self) -> asyncio.subprocess.Process | None:
        """A process, or None when none can be started; the state says why."""
        port = free_pair()
        path = Path(self.state.log)
        try:
            folder = await asyncio.to_thread(self._surroundings.locate, self.order.image)
            program = Program(self.state.name, self._command(folder, port), self._variables(), path)
            process = await self._surroundings.household.start(program)
        except OSError as error:
            self._set(waiting=("CreateContainerError", f"{error.strerror or error}"))
            return None
        self._set(
            process=process.pid,
            http=port,
            grpc=port + 1,
            running_since=_now(),
            started=False,
            ready=False,
        )
        return process

    def _command(self, folder: Path, port: int) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "dohyo_serving.launcher", str(folder)),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--grace", f"{max(1.0, self.order.grace_seconds - 5):g}"),
        )

    def _variables(self) -> dict[str, str]:
        # One thread for each replica, as a pod of one CPU has: replicas share this machine.
        return {
            "OMP_NUM_THREADS": "1",
            **os.environ,
            "HOSTNAME": self.state.name,
            **self._surroundings.variables(self.state.namespace),
            **self.order.environment,
        }

    async def _attend(self, process: asyncio.subprocess.Process) -> None:
        """Asks the process until it ends or is to end, and ends it."""
        since = log_size(path := Path(self.state.log))
        ended = asyncio.create_task(process.wait())
        retired = asyncio.create_task(self._retired.wait())
        asking = asyncio.create_task(self._ask_on())
        try:
            await asyncio.wait((ended, retired, asking), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._end(process, ended, patient=self._drains and retired.done())
        finally:
            for task in (asking, retired, ended):
                task.cancel()
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        words = last_words(path, since)
        self._set(
            process=None,
            running_since=None,
            started=False,
            ready=False,
            ended=Ended(process.returncode or 0, words),
            waiting=("CrashLoopBackOff", "the process has ended and is started again"),
        )

    async def _end(
        self, process: asyncio.subprocess.Process, ended: asyncio.Task[int], *, patient: bool
    ) -> None:
        """Lets the gateway forget it, tells it to end, and kills it when its time is over."""
        if patient:
            await asyncio.wait((ended,), timeout=self.order.drain_seconds)
        if not ended.done():
            # The leader alone: it knows how to end what it has started.
            process.send_signal(signal.SIGTERM)
            await asyncio.wait((ended,), timeout=self.order.grace_seconds)

    async def _ask_on(self) -> None:
        """Asks for ever; returns when the process has never answered within its startup time."""
        url = f"http://127.0.0.1:{self.state.http}{self.order.probe.path}"
        limit = aiohttp.ClientTimeout(total=self.order.probe.timeout_seconds)
        began, failures, proven_at = time.monotonic(), 0, None
        while True:
            if await self._answers(url, limit):
                failures = 0
                if not self.state.ready:
                    self._set(started=True, ready=True)
                    proven_at = time.monotonic() + _PROVEN_SECONDS
                elif proven_at is not None and time.monotonic() > proven_at:
                    self._pause = 0.0
            elif self.state.started:
                failures += 1
                if failures >= self.order.probe.failures and self.state.ready:
                    self._set(ready=False)
            elif time.monotonic() - began > self.order.probe.startup_seconds:
                log.warning("%s: no answer in time, started again", self.state.name)
                return
            await asyncio.sleep(_ASK_RUNNING_SECONDS if self.state.ready else _ASK_STARTING_SECONDS)

    async def _answers(self, url: str, limit: aiohttp.ClientTimeout) -> bool:
        try:
            async with self._surroundings.session.get(url, timeout=limit) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _rest(self) -> None:
        """Waits before the next process, longer each time that one has failed."""
        pause = self._pause
        self._pause = min(max(_FIRST_PAUSE_SECONDS, pause * 2), _LONGEST_PAUSE_SECONDS)
        self._set(restarts=self.state.restarts + 1)
        if pause > 0:
            await asyncio.wait(
                (retired := asyncio.create_task(self._retired.wait()),), timeout=pause
            )
            retired.cancel()

    def _set(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._surroundings.on_change()


def _now() -> str:
    return rfc3339(datetime.now(UTC))
