"""A PostgreSQL of the test's own on 127.0.0.1, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import packages
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Postgres:
    """One server; it may be ended and started again on the same data."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        name = f"test{secrets.token_hex(4)}"
        command = [_program("createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "dohyo"]
        subprocess.run([*command, name], check=True)
        return f"postgresql://dohyo@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        self._launch()
        ask = [_program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        until("PostgreSQL takes connections", lambda: self._state(ask), ("").__eq__, seconds=60)

    def _launch(self) -> None:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"]
        options += ["-c", f"unix_socket_directories={self.folder}", "-c", "max_connections=60"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [_program("postgres"), "-D", str(self.folder / "data"), *options],
                stdout=log,
                stderr=log,
                **_unprivileged(),
            )

    def _state(self, ask: list[str]) -> str:
        """Empty once it takes connections, else the end of its log."""
        if subprocess.run(ask, check=False).returncode == 0:
            return ""
        if self.process is not None and self.process.poll() is not None:
            # Somebody's connection had the port for a moment.
            self._launch()
        return "not yet: " + (self.folder / "log").read_text()[-1_500:]

    def end(self, number: int = signal.SIGINT) -> None:
        """Ends it at once: whoever is connected is cut off."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=60)
            self.process = None

    def signal(self, number: int) -> None:
        """Sends a signal to the server and to what serves its connections."""
        assert self.process is not None
        main = self.process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in (main, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def ensure() -> None:
    """Installs the server if this machine has none."""
    packages.require({"postgres": "postgresql"} if _missing() else {})


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A fresh server, gone at the end."""
    ensure()
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.geteuid() and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o011)
    if os.geteuid() == 0:
        os.chown(folder, *_nobody())
    command = [_program("initdb"), "-D", str(folder / "data"), "-U", "dohyo", "--auth=trust"]
    made = subprocess.run(
        [*command, "--no-sync", "--encoding=UTF8"],
        capture_output=True,
        text=True,
        check=False,
        **_unprivileged(),
    )
    assert made.returncode == 0, made.stderr
    server = Postgres(folder, free_port())
    try:
        server.start()
        yield server
    finally:
        server.end()


def _missing() -> bool:
    return shutil.which("postgres") is None and not _installed()


def _installed() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def _program(name: str) -> str:
    found = shutil.which(name)
    # Debian keeps the server's programs out of the path.
    return found if found is not None and name == "postgres" else str(_installed()[-1] / name)


def _nobody() -> tuple[int, int]:
    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user, group = _nobody()
    return {"user": user, "group": group, "extra_groups": []}
