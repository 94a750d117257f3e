"""Bentos served by processes of this machine, and bentos made for one test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.loopback import OnPort
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
READY_SECONDS = 90.0
END_SECONDS = 30.0
_LEFT_OUT = ("AWS_", "GOOGLE_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Served(OnPort):
    """A bento that answers on a port of 127.0.0.1, and the process that does."""

    process: subprocess.Popen[str]

    def refuses(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except ConnectionRefusedError:
            return True
        return False


def launch(
    target: str, *options: str, home: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Starts `dohyo-serve` with a store at `home`; all that it says is read from one pipe."""
    return subprocess.Popen(
        [str(PROGRAMS / "dohyo-serve"), target, *options],
        cwd=home,
        env={**surroundings(home), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def served(
    target: str, *options: str, home: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """`dohyo-serve` on a free port, ready; killed at the end if it still runs."""
    port = free_port()
    where = ("--host", "127.0.0.1", "--port", str(port))
    process = launch(target, *where, *options, home=home, environment=environment)
    try:
        bento = Served(port, process)
        until(f"{target} is ready", lambda: state(bento), ("200").__eq__, seconds=READY_SECONDS)
        yield bento
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def built(source: str, home: Path, arguments: Mapping[str, str]) -> str:
    """The tag of a bento of one module, `service.py`, built into the store at `home`."""
    project = home / "source"
    project.mkdir(parents=True, exist_ok=True)
    (project / "service.py").write_text(source)
    (project / "bentofile.yaml").write_text(
        "service: service:Service\npython: {lock_packages: false}\n"
    )
    given = [part for name, value in arguments.items() for part in ("--arg", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag", *given],
        cwd=project,
        env=surroundings(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition("__tag__:")[2]


def surroundings(home: Path) -> dict[str, str]:
    paths = os.pathsep.join(str(REPOSITORY / folder) for folder in ("operator", "services"))
    return {
        **os.environ,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": paths,
    }


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The test's own environment must not decide which credentials there are, nor which proxy."""
    return {name: text for name, text in environment.items() if not name.startswith(_LEFT_OUT)}


def state(bento: Served) -> str:
    """The status of its readiness, or why there is none."""
    if bento.process.poll() is not None:
        words = bento.process.stdout.read() if bento.process.stdout else ""
        raise AssertionError(f"it ended with code {bento.process.returncode}: {words}")
    return bento.ready()
