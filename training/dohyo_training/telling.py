"""What a run says while it works: the stage, how far it is, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import TaskID

# A log has no bar that moves: how far it is, now and then.
_LOG_EVERY_SECONDS: Final = 20.0
# Two fits that end together tell nothing of the other hundred.
_PACED_AFTER_SECONDS: Final = 5.0


class Telling(Protocol):
    """Is told what happens."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def found(self, sentence: str) -> None:
        """Something that the reader should know."""

    def progress(self, done: int, planned: int) -> None:
        """Fits that are done and planned."""


class Silence:
    """Tells nobody."""

    def stage(self, name: str) -> None: ...

    def found(self, sentence: str) -> None: ...

    def progress(self, done: int, planned: int) -> None: ...


class Console:
    """Tells a terminal; in a log it is one line for each stage and finding, and some between."""

    def __init__(self) -> None:
        from rich.console import Console as Terminal  # noqa: PLC0415 - only commands need it
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._began = self._told = time.monotonic()
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stage(self, name: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._first = None
        elapsed = time.monotonic() - self._began
        self._terminal.print(f"{elapsed:6.1f} s  {name}", markup=False)

    def found(self, sentence: str) -> None:
        self._terminal.print(f"          {sentence}", markup=False)

    def progress(self, done: int, planned: int) -> None:
        if not self._terminal.is_terminal:
            self._log(done, planned)
        if self._task is None:
            self._task = self._progress.add_task("fits", total=planned)
        self._progress.update(self._task, completed=done, total=planned)

    def _log(self, done: int, planned: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = done, now
        paced = done > self._first[0] and now - self._first[1] >= _PACED_AFTER_SECONDS
        if paced and now - self._told >= _LOG_EVERY_SECONDS:
            self._told = now
            left = seconds_left(self._first, (done, now), planned)
            self.found(f"{done} of {planned} fits, about {left:.0f} s left")


def seconds_left(first: tuple[int, float], here: tuple[int, float], planned: int) -> float:
    """How long the rest takes at the pace since the first fits were done.

    Those waited for the workers to start, which takes longer than a hundred small fits.

    Args:
        first: how many fits were done when any were, and when that was.
        here: how many are now, and when that is.
        planned: how many there are to be.
    """
    (done_first, began), (done, now) = first, here
    return (now - began) / (done - done_first) * (planned - done)
