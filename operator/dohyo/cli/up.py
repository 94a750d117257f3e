"""`dohyo up`: ModelDeployments as processes of this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfiles import awatch

from dohyo import logs
from dohyo.api.transition_rules import NAME_BOUND
from dohyo.cli.complaint import Complaint
from dohyo.cli.ground import Ground
from dohyo.cli.reading import read
from dohyo.contract import KIND
from dohyo.contract.environment import VariableError
from dohyo.local.failure import RingError
from dohyo.local.recall import is_decided, is_rebound
from dohyo.local.ring import Options, Ring, Told
from dohyo.local.state import StateFolder, default_folder

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence

    from dohyo.cli.reading import Reading, Remark

log = logging.getLogger(__name__)

_INTERRUPTED: Final = 130
_PORTS: Final = 65_536
# An editor writes a file in several steps; a person does not wait for this.
_SETTLING_MILLISECONDS: Final = 60
_DECIDED: Final = (
    "nothing is started: {folder} keeps what was decided about the former content; "
    "`dohyo up --fresh` forgets that, --state names another folder"
)


def run(arguments: Namespace) -> int:
    """Runs a ring in the foreground."""
    files = _files(arguments.files)
    if not 0 < arguments.port < _PORTS:
        raise Complaint(f"--port {arguments.port} is no port; choose 1024 to {_PORTS - 1}")
    # Before anything is started or taken: a file that is wrong now is the user's first concern.
    _refuse(_read(files, Ground(arguments.namespace)))
    state = StateFolder(Path(arguments.state or default_folder(os.environ)).absolute())
    try:
        state.hold()
        if arguments.fresh:
            state.forget()
        logs.set_up("logfmt", arguments.log_level, state.logs / "ring.log")
        return asyncio.run(_Session(arguments, files, state).run())
    except Complaint:
        raise
    except (RingError, VariableError) as error:
        raise Complaint(str(error)) from None
    except Exception as error:
        log.exception("the ring cannot go on")
        more = state.logs / "ring.log"
        raise Complaint(f"the ring fails: {type(error).__name__}: {error}; see {more}") from None
    finally:
        state.release()


def _files(given: Sequence[str]) -> tuple[str, ...]:
    """The files, each once; standard input cannot be watched."""
    if "-" in given:
        raise Complaint("standard input cannot be watched; name a file")
    return tuple(dict.fromkeys(given))


def _read(files: Sequence[str], ground: Ground) -> Reading:
    """What the files hold for a ring.

    Raises:
        Complaint: a file cannot be read, or there is nothing in them that a ring runs.
    """
    reading = read(files, ground=ground)
    if not reading.resources and not reading.errors:
        where = ", ".join(files)
        raise Complaint(f"no {KIND} in {where}; batches are scored by `dohyo batch`")
    return reading


def _refuse(reading: Reading) -> None:
    _print(reading.remarks)
    if reading.errors:
        raise Complaint("nothing is started for a file with errors")


def _print(remarks: Iterable[Remark]) -> None:
    for remark in remarks:
        print(remark, file=sys.stderr)


def _way_out(reading: Reading) -> str:
    """What else helps on a machine of one's own, where nobody but its owner asks the ring."""
    rebound = any(remark.violation.rule.startswith(NAME_BOUND) for remark in reading.errors)
    return ", or until the ring is started anew with --fresh" if rebound else ""


class _Session:
    """One `dohyo up`, from the first line to the last."""

    def __init__(self, arguments: Namespace, files: tuple[str, ...], state: StateFolder) -> None:
        self._arguments = arguments
        self._files = files
        self._state = state
        self._stop = asyncio.Event()
        self._watched = {Path(file).resolve() for file in files}
        options = Options(arguments.port, files, os.environ)
        self._ring = Ring(options, state, self._tell)

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end)
        self._ring.recall()
        self._let_go()
        self._say(f"ring on {self._ring.url}, state and logs in {self._state.folder}")
        await self._ring.run(self._watch, self._stop)
        self._say("ended; nothing is left running")
        return 0

    def _let_go(self) -> None:
        """Forgets what was remembered of other content than the files name now.

        Nothing runs yet, so nobody meets two models under one name. Only what has been decided
        about the former content is not given up unasked.

        Raises:
            Complaint: there is such a decision.
        """
        reading = self._reading()
        for raw in reading.resources:
            namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
            present = self._ring.present(namespace, name)
            if present is None or not is_rebound(raw, present):
                continue
            told = [remark for remark in reading.errors if remark.resource == name]
            if is_decided(present):
                _print(told)
                raise Complaint(_DECIDED.format(folder=self._state.folder))
            for remark in told:
                self._say(str(replace(remark, level="warning")))
            self._say(f"{name}: begins anew, what a former ring knew of it is forgotten")
            self._ring.forget(namespace, name)

    async def _watch(self, ring: Ring) -> None:
        """Adopts what the files say, now and after every change."""
        self._adopt(ring)
        watched = self._watched
        async for changes in awatch(
            *{path.parent for path in watched},
            watch_filter=lambda _, path: Path(path) in watched,
            recursive=False,
            debounce=_SETTLING_MILLISECONDS,
            step=_SETTLING_MILLISECONDS // 3,
            stop_event=self._stop,
        ):
            if changes:
                self._adopt(ring)

    def _adopt(self, ring: Ring) -> None:
        try:
            reading = self._reading()
        except Complaint as complaint:
            self._say(f"{complaint}; all stays as it is")
            return
        for remark in reading.remarks:
            self._say(str(remark))
        if reading.errors:
            self._say(f"all stays as it is until the file is right{_way_out(reading)}")
            return
        ring.adopt(reading.resources)

    def _reading(self) -> Reading:
        return _read(self._files, Ground(self._arguments.namespace, self._ring.present))

    def _end(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._say("ending; once more ends at once")
            return
        self._ring.kill()
        self._state.release()
        os._exit(_INTERRUPTED)

    def _tell(self, told: Told) -> None:
        words = f"{told.reason}: {told.message}"
        if told.reason == "Available":
            words += f"; ask it at {self._ring.url}/{told.namespace}/{told.about}/…"
        self._say(f"{told.about}: {words}" if told.about else words)

    def _say(self, text: str) -> None:
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        with suppress(OSError):  # the terminal may be gone; the ring ends in order all the same
            print(f"{now} {text}", flush=True)
