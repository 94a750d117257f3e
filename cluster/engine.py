"""The Docker engine: the one that answers, else our own, started and stopped by us."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import engine_remains, go_toolchain, packages, paths, products, programs
from cluster.errors import ClusterError
from cluster.progress import say, step, wait_while

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "runc": "runc", "iptables": "iptables"}
ANSWER_SECONDS = 20.0
START_SECONDS = 60.0
STOP_SECONDS = 60.0
SOCKET_PATH_LIMIT = 107  # of a Unix socket, in bytes
DEEPEST_SOCKET = "run/containerd/containerd.sock.ttrpc"
INOTIFY_INSTANCES = 1024
INOTIFY_LIMIT = "/proc/sys/fs/inotify/max_user_instances"


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answered; `host` is its address, None for the user's own setting."""

    host: str | None

    @property
    def environment(self) -> dict[str, str]:
        """What programs that speak to this engine need; the classic builder needs no plugin."""
        address = {} if self.host is None else {"DOCKER_HOST": self.host}
        return {**address, "DOCKER_BUILDKIT": "0"}

    def docker(self, *arguments: str, limit_seconds: float | None = None) -> str:
        """The standard output of a `docker` command; raises ClusterError if it fails."""
        surroundings = programs.Surroundings(
            environment=self.environment, limit_seconds=limit_seconds
        )
        return programs.run(["docker", *arguments], surroundings)

    def tries(self, *arguments: str, limit_seconds: float | None = None) -> bool:
        """Whether a `docker` command succeeds."""
        surroundings = programs.Surroundings(
            environment=self.environment, limit_seconds=limit_seconds
        )
        return programs.succeeds(["docker", *arguments], surroundings)

    def image_id(self, name: str) -> str | None:
        """The id of a local image, None if there is none of that name."""
        surroundings = programs.Surroundings(environment=self.environment)
        command = ["docker", "image", "inspect", "--format", "{{.Id}}", name]
        done = programs.attempt(command, surroundings)
        return done.stdout.strip() if done.returncode == 0 else None


def socket_address() -> str:
    return f"unix://{paths.engine() / 'docker.sock'}"


def running() -> Engine | None:
    """The engine that answers now, ours first: it has our images and nodes. Starts nothing."""
    if own_process() is not None:
        own = Engine(socket_address())
        if _answers(own):
            return own
    users = Engine(None)
    return users if _answers(users) else None


def _answers(engine: Engine) -> bool:
    return engine.tries("version", "--format", "{{.Server.Version}}", limit_seconds=ANSWER_SECONDS)


def _silence(engine: Engine) -> str:
    return "" if _answers(engine) else "the engine does not answer yet"


def ensure() -> Engine:
    """An engine that answers: a running one, else our own, installed and started.

    Raises:
        ClusterError: none answers and none can be started here.
    """
    found = running()
    if found is None and own_process() is not None:
        # A machine under load: a second engine on the same data would break the first.
        own = Engine(socket_address())
        silence = wait_while(lambda: _silence(own), START_SECONDS)
        if silence:
            raise ClusterError(
                f"our Docker engine, process {own_process()}, runs but does not answer: look at "
                f"{paths.engine() / 'dockerd.log'}, or end it with `python3 -m cluster down`"
            )
        found = own
    if found is None:
        if os.geteuid() != 0:
            raise ClusterError(
                "no Docker engine answers, and only root can start one: "
                "start Docker (or set DOCKER_HOST), or run this as root"
            )
        packages.require(PROGRAMS)
        # Installing the package starts the engine on a machine with a service manager.
        found = running() or _start()
    _raise_watch_limit()
    return found


def tell() -> None:
    """Makes sure that an engine answers, and says which."""
    found = ensure()
    version = found.docker("version", "--format", "{{.Server.Version}}").strip()
    say(f"Docker {version} answers at {found.host or 'its usual address'}")


def _raise_watch_limit() -> None:
    """Every node's systemd, containerd and kubelet takes watches from the host's one allowance."""
    try:
        with open(INOTIFY_LIMIT, "r+", encoding="ascii") as limit:  # noqa: PTH123
            if int(limit.read()) < INOTIFY_INSTANCES:
                limit.seek(0)
                limit.write(str(INOTIFY_INSTANCES))
    except OSError:
        say(f"note: {INOTIFY_LIMIT} could not be raised to {INOTIFY_INSTANCES}")


def wrapper_key() -> str:
    return products.key(paths.PACKAGE / "native")


def native_program(name: str) -> Path:
    """One of our own small static programs in `native/`, built if it is not there."""
    target = paths.cache() / "native" / wrapper_key() / name
    if not target.exists():
        with step(f"build {name}", 10):
            go_toolchain.build(go_toolchain.Program(f"./{name}", paths.PACKAGE / "native"), target)
    return target


def _start() -> Engine:
    home = paths.engine()
    longest = len(os.fsencode(home / DEEPEST_SOCKET))
    if longest > SOCKET_PATH_LIMIT:
        raise ClusterError(
            f"{home}: sockets below it would have {longest} bytes in their path, "
            f"{SOCKET_PATH_LIMIT} is the limit: set XDG_CACHE_HOME to a shorter folder"
        )
    wrapper = native_program("runc-wrapper")
    with step("start our own Docker engine", 10):
        home.mkdir(parents=True, exist_ok=True)
        # What a killed engine left (sockets, mounts, shims) would keep the new one from starting.
        engine_remains.clear(home)
        engine_remains.remember_network(home)
        for stale in ("docker.pid", "docker.sock"):
            (home / stale).unlink(missing_ok=True)
        settings = home / "daemon.json"
        settings.write_text(json.dumps(_settings(home, wrapper), indent=1), encoding="utf-8")
        process = _launch(_command(settings), home / "dockerd.log")
        engine = Engine(socket_address())
        wait_while(lambda: "" if process.poll() is not None else _silence(engine), START_SECONDS)
        if process.poll() is not None or _silence(engine):
            raise ClusterError(
                f"our Docker engine did not start; the end of {home / 'dockerd.log'}:\n"
                + _tail(home / "dockerd.log")
            )
    return engine


def _settings(home: Path, wrapper: Path) -> dict[str, object]:
    return {
        "data-root": str(home / "data"),
        "exec-root": str(home / "run"),
        "pidfile": str(home / "docker.pid"),
        "hosts": [socket_address()],
        "log-level": "warn",
        "default-runtime": "dohyo",
        "runtimes": {"dohyo": {"path": str(wrapper)}},
    }


def _command(settings: Path) -> list[str]:
    return [programs.find("dockerd") or "dockerd", "--config-file", str(settings)]


def _launch(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts the engine in a session of its own: it outlives us and no Ctrl-C reaches it."""
    system_paths = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PATH": system_paths},
            cwd="/",
        )


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-15:])


def own_process() -> int | None:
    """The process id of our engine; None if it does not run (a stale file may name another's)."""
    try:
        process_id = int((paths.engine() / "docker.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    command = engine_remains.command_line(process_id)
    settings = str(paths.engine() / "daemon.json")
    return process_id if "dockerd" in command and settings in command else None


def own_data_names(text: str) -> bool:
    """Whether a container of our engine, which need not run, has a text in its description."""
    described = (paths.engine() / "data" / "containers").glob("*/config.v2.json")
    return any(text in file.read_text(encoding="utf-8", errors="replace") for file in described)


def stop_own() -> bool:
    """Stops our engine, if it runs, and removes all that it leaves on the machine but its data."""
    process_id = own_process()
    if process_id is not None:
        with step("stop our own Docker engine", 5):
            engine_remains.end([process_id], STOP_SECONDS)
    if (paths.engine() / "daemon.json").exists():
        engine_remains.clear(paths.engine())
        engine_remains.clear_network(paths.engine())
    return process_id is not None
