"""The operator as a process of this machine, led to the project's own API server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import paths
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS = 30
END_SECONDS = 15


@dataclass(frozen=True)
class Station:
    """Where an operator works.

    Attributes:
        kubeconfig: to log in with.
        home: namespace of its Lease.
        watched: the namespace that it watches.
        log: file of its standard error.
        lease: name of the Lease.
        variables: more of its environment.
    """

    kubeconfig: Path
    home: str
    watched: str
    log: Path
    lease: str = "dohyo-operator"
    variables: Mapping[str, str] = field(default_factory=dict)


class OperatorProcess:
    """A started operator."""

    def __init__(self, station: Station) -> None:
        self.station = station
        environment = {
            **os.environ,
            "DOHYO_NAMESPACE": station.home,
            "DOHYO_WATCH_NAMESPACES": station.watched,
            "DOHYO_LEASE": station.lease,
            "DOHYO_DRAIN_SECONDS": "1",
            **station.variables,
        }
        self._logged_before = station.log.stat().st_size if station.log.exists() else 0
        with station.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dohyo.main",
                    "--kubeconfig",
                    str(station.kubeconfig),
                    "--port",
                    "0",
                ],
                stderr=log,
                env=environment,
                cwd=paths.REPOSITORY,
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @cached_property
    def port(self) -> int:
        """The port that it says it listens on."""

        def said() -> str | None:
            found = re.search(r"/metrics on port (\d+)", self.log())
            assert found or self.running, f"the operator has ended:\n{self.log()}"
            return found and found[1]

        return int(until("the operator tells its port", said, seconds=START_SECONDS) or 0)

    def await_lead(self, seconds: float = START_SECONDS) -> OperatorProcess:
        """Waits until it leads and has listed everything."""
        until("the operator leads", self._standing, lambda said: said == "leads", seconds=seconds)
        return self

    def await_end(self, seconds: float = END_SECONDS) -> int:
        """Waits until it has ended; its exit code."""
        return self._process.wait(timeout=seconds)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer of its port; status 0 when there is none."""
        try:
            with urllib.request.urlopen(  # a fixed scheme and host
                f"http://127.0.0.1:{self.port}{path}", timeout=5
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metrics(self) -> str:
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics: {status} {text}"
        return text

    def requests(self, *verbs: str) -> int:
        """How many requests of these verbs it has sent; of all verbs when none is named."""
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in self.metrics().splitlines()
            if line.startswith("dohyo_api_requests_total{")
            and (not verbs or any(f'verb="{verb}"' in line for verb in verbs))
        )

    def writes(self) -> int:
        """How many times it has asked the API server to change something, Lease aside."""
        return self.requests("apply", "status", "delete", "create", "patch")

    def cpu_seconds(self) -> float:
        """CPU time since its start, without waking it to ask."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self) -> str:
        """What it has said so far; what others before it wrote into the file is left out."""
        return self.station.log.read_bytes()[self._logged_before :].decode()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Asks it to end; its exit code."""
        if self.running:
            self._process.terminate()
        try:
            return self.await_end()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _standing(self) -> str:
        """``leads``, or what it says is missing."""
        assert self.running, f"the operator has ended:\n{self.log()[-3000:]}"
        status, text = self.get("/readyz")
        if status != 200:
            return text.strip()
        return "leads" if "\ndohyo_leader 1.0" in self.metrics() else "waits for the Lease"


@contextmanager
def operator(station: Station, *, leads: bool = True) -> Iterator[OperatorProcess]:
    """An operator for as long as the block runs; frozen or not, it is gone afterwards."""
    process = OperatorProcess(station)
    try:
        yield process.await_lead() if leads else process
    finally:
        if process.running:
            process.send(signal.SIGCONT)
            process.stop()
