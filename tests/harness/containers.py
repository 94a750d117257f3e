"""Single containers of the project's engine, as a pod would run them, without a cluster."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.contract import BENTO_HTTP_PORT, BENTO_UID
from tests.harness.loopback import OnPort
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.engine import Engine

START_SECONDS = 90.0
HOME = "/var/run/bentoml"


@dataclass(frozen=True)
class Container(OnPort):
    """A running bento with its port published on this machine."""

    engine: Engine
    name: str

    def user(self) -> int:
        """The numeric user that its processes run as."""
        return int(self.engine.docker("exec", self.name, "id", "-u"))

    def logs(self) -> str:
        return self.engine.docker("logs", self.name)


@contextmanager
def running(engine: Engine, image: str) -> Iterator[Container]:
    """A container of a bento's image under the conditions of its pod: the root file system is
    read-only, the user is not root, and it may write to /tmp and its home."""
    name = engine.docker(
        *("run", "--detach", "--read-only", "--user", str(BENTO_UID)),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--tmpfs", "/tmp:mode=1777", "--tmpfs", f"{HOME}:uid={BENTO_UID}"),
        *("--env", f"BENTOML_HOME={HOME}", "--publish", f"127.0.0.1::{BENTO_HTTP_PORT}", image),
    ).strip()
    try:
        published = engine.docker("port", name, f"{BENTO_HTTP_PORT}/tcp").splitlines()[0]
        container = Container(int(published.rpartition(":")[2]), engine, name)
        until(f"{image} is ready", container.ready, "200".__eq__, seconds=START_SECONDS)
        yield container
    finally:
        engine.docker("rm", "--force", name)
