"""Single containers of the project's engine, as a pod would run them, without a cluster."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import BENTO_HTTP_PORT, BENTO_UID
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.engine import Engine

START_SECONDS = 90.0
HOME = "/var/run/bentoml"


@dataclass(frozen=True)
class Container:
    """A running bento with its port published on this machine."""

    engine: Engine
    name: str
    port: int

    def get(self, path: str) -> tuple[int, str]:
        return self._send("GET", path, None)

    def post(self, path: str, body: str) -> tuple[int, Any]:
        status, text = self._send("POST", path, body)
        return status, json.loads(text)

    def user(self) -> int:
        """The numeric user that its processes run as."""
        return int(self.engine.docker("exec", self.name, "id", "-u"))

    def logs(self) -> str:
        return self.engine.docker("logs", self.name)

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


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
        container = Container(engine, name, int(published.rpartition(":")[2]))
        until(f"{image} is ready", lambda: _status(container), (200).__eq__, seconds=START_SECONDS)
        yield container
    finally:
        engine.docker("rm", "--force", name)


def _status(container: Container) -> int:
    try:
        return container.get("/readyz")[0]
    except (OSError, http.client.HTTPException):
        return 0
