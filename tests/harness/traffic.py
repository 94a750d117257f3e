"""Load from a process of its own, started and ended by a test."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cluster.paths import REPOSITORY
from tests.harness import records
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.harness.load import Order
    from tests.harness.records import Records


class Traffic:
    """A running load. Its records can be read while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self._process = process
        self._path = path

    def so_far(self) -> Records:
        return records.read(self._path)

    def finish(self, seconds: float) -> Records:
        """Waits for the schedule's end, at most `seconds` long."""
        self._process.wait(seconds)
        return self._whole()

    def stop(self) -> Records:
        """Sends nothing more, waits for the answers under way."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        return self._whole()

    def until_seen(self, what: str, holds: Callable[[Records], bool], seconds: float) -> Records:
        """The records so far, once they satisfy `holds`."""
        return until(what, self.so_far, holds, seconds=seconds)

    def _whole(self) -> Records:
        if self._process.returncode != 0:
            raise AssertionError(f"the load ended with code {self._process.returncode}")
        return self.so_far()


@contextmanager
def under(order: Order) -> Iterator[Traffic]:
    """Runs the load while the block runs; what is still running at its end is ended."""
    with TemporaryDirectory(prefix="dohyo-load-") as folder:
        order_path, records_path = Path(folder, "order.json"), Path(folder, "records")
        order_path.write_text(order.to_json())
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.load", order_path, records_path],
            cwd=REPOSITORY,
            env=None,
        )
        try:
            traffic = Traffic(process, records_path)
            traffic.until_seen("the load has begun", lambda seen: len(seen) > 0, seconds=20)
            yield traffic
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def kept_its_schedule(seen: Records) -> bool:
    """Whether the sender itself was on time; a late sender proves nothing about the sent."""
    return seen.lateness(0.95) < 0.1 and seen.lateness(0.99) < 0.5


def send_for(order: Order) -> Records:
    """Runs a load to its end."""
    whole = sum(phase.seconds for phase in order.phases)
    with under(order) as traffic:
        return traffic.finish(whole + 60)


def now() -> float:
    """Seconds since the epoch, the clock of the records."""
    return time.time()
