"""The operator's process: wait for the lead, lead, and end when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

from dohyo import logs
from dohyo.cluster.client import Client
from dohyo.cluster.errors import ApiError, LeadershipLost
from dohyo.cluster.fence import Fence, boot_clock
from dohyo.cluster.kinds import BATCH_PREDICTION, MODEL_DEPLOYMENT
from dohyo.cluster.lease import Candidate, Tenure
from dohyo.cluster.login import log_in
from dohyo.configuration import from_process
from dohyo.contract import API_VERSION, GROUP
from dohyo.contract.environment import VariableError
from dohyo.leading import Leading
from dohyo.probes import Probes
from dohyo.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from kubernetes.aio.client import ApiClient

    from dohyo.cluster.kinds import Kind
    from dohyo.configuration import Configuration

log = logging.getLogger("dohyo.operator")

_FAILED, _MISUSED = 1, 2
_DEFINITION_SECONDS = 5.0
# A standby that has not heard from the API server for this long could not take over.
_SILENCE_SECONDS = 60.0
_FAREWELL_SECONDS = 5.0


def main() -> None:
    """Entry point of ``dohyo-operator``."""
    try:
        config = from_process(sys.argv[1:])
    except VariableError as error:
        print(f"dohyo-operator: {error}", file=sys.stderr)
        sys.exit(_MISUSED)
    logs.set_up(config.log_format, config.log_level)
    try:
        sys.exit(asyncio.run(_run(config)))
    except KeyboardInterrupt:
        sys.exit(0)


async def _run(config: Configuration) -> int:
    """Runs one process; its exit code."""
    try:
        api = await log_in(config.kubeconfig)
    except ApiError as error:
        log.critical("%s", error.message)
        return _FAILED
    async with contextlib.aclosing(_Resources(api)):
        return await Process(config, api).run()


class _Resources:
    """Closes connections at the end."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def aclose(self) -> None:
        await self._api.close()


class Process:
    """One operator process from start to end."""

    def __init__(self, config: Configuration, api: ApiClient) -> None:
        self._config = config
        self._api = api
        self._telemetry = Telemetry()
        self._fence = Fence()
        self._client = Client(api, self._telemetry, self._fence)
        tenure = Tenure(config.namespace, config.lease, config.identity)
        self._candidate = Candidate(api, tenure, self._fence)
        self._probes = Probes(self._telemetry, self._live, self._ready)
        self._undefined = f"kinds of {GROUP}"
        self._leading: Leading | None = None
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Exit code: 0 when asked to end, 1 when the lead was lost or something failed."""
        self._heed_signals()
        try:
            port = await self._probes.start(self._config.port)
        except OSError as error:
            log.critical("port %d cannot be listened on: %s", self._config.port, error)
            return _FAILED
        log.info("/livez, /readyz and /metrics on port %d", port)
        try:
            await self._until_stopped(self._await_definition())
            await self._until_stopped(self._candidate.win())
            if not self._stop.is_set():
                await self._lead()
        except (ApiError, LeadershipLost) as error:
            log.critical("%s", error)
            return _FAILED
        finally:
            await self._candidate.resign()
            await self._probes.stop()
        log.info("asked to end")
        return 0

    async def _lead(self) -> None:
        """Leads until asked to end.

        Raises:
            LeadershipLost, ApiError: this process cannot go on.
        """
        log.info("%s leads", self._config.identity)
        self._telemetry.leader.set(1)
        self._leading = leading = Leading(self._config, self._api, self._client, self._telemetry)
        watching = asyncio.create_task(leading.watch(self._heed_signals), name="watch")
        others = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("hold", self._candidate.hold()),
                ("work", leading.work()),
                ("listen", leading.listen()),
                ("inquire", leading.inquire()),
            )
        ]
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait(
                [stopped, watching, *others], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            # Nothing is written any more; so the next leader need not wait for kopf's farewell.
            await _end([stopped, *others])
            if self._fence.is_open:
                await self._candidate.resign()
            self._telemetry.leader.set(0)
            await _end([watching])
        for task in done - {stopped}:
            _reraise(task)

    async def _until_stopped(self, part: Coroutine[Any, Any, None]) -> None:
        """Awaits a part, or the request to end."""
        task = asyncio.create_task(part)
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        await _end([task, stopped])
        if task in done:
            task.result()

    async def _await_definition(self) -> None:
        """Waits until the API server knows every kind of resource."""
        said = ""
        while True:
            try:
                kinds = [k for k in self._resources() if not await self._client.knows(k)]
                self._undefined = ", ".join(f"{kind.plural}.{GROUP}" for kind in kinds)
                problem = (
                    f"not defined: {self._undefined} ({API_VERSION}); install or upgrade dohyo-crds"
                )
            except ApiError as error:
                problem = str(error)
            if not self._undefined:
                return
            if problem != said:
                log.warning("waiting: %s", problem)
                said = problem
            await asyncio.sleep(_DEFINITION_SECONDS)

    def _resources(self) -> tuple[Kind, ...]:
        return (MODEL_DEPLOYMENT, *([BATCH_PREDICTION] if self._config.batch else []))

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    def _live(self) -> list[str]:
        return self._leading.blind if self._leading is not None else []

    def _ready(self) -> list[str]:
        if self._undefined:
            return [f"not defined: {self._undefined}"]
        if self._leading is not None:
            return self._leading.missing
        heard = self._candidate.last_answer_at
        if heard is None or boot_clock() - heard > _SILENCE_SECONDS:
            return ["the Lease cannot be read"]
        return []


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancels tasks and waits for them, but not for ever."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)


def _reraise(task: asyncio.Task[Any]) -> None:
    """What ended a part that never ends by itself.

    Raises:
        LeadershipLost, ApiError: as they were raised.
        ApiError: for any other failure, in its words.
    """
    error = task.exception()
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, LeadershipLost | ApiError):
        raise error
    words = f"{type(error).__name__}: {error}" if error is not None else "it ended"
    raise ApiError(0, "Failed", words, task.get_name()) from error


if __name__ == "__main__":
    main()
