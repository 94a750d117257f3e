"""A ring of the demo's own: `dohyo up` as a process, its file, and what it says of itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from cluster.errors import ClusterError
from dohyo.cli.ring_door import RingDoor
from dohyo.cluster.errors import ApiError
from dohyo.cluster.exchange import Request
from dohyo.cluster.kinds import MODEL_DEPLOYMENT
from dohyo.contract.arrivals import FEEDBACK_PATH
from dohyo.local.state import StateFolder
from examples.demo.predictions import CUSTOMER_HEADER

if TYPE_CHECKING:
    from examples.demo.story import Story

PORT: Final = 8080
_ANSWER_SECONDS: Final = 90.0
_END_SECONDS: Final = 30.0
DOHYO: Final = str(Path(sys.executable).parent / "dohyo")


@dataclass
class LocalRing:
    """A ring that is started and ended here.

    Attributes:
        story: what is fought in it.
        file: that it watches.
        state: its folder.
        port: of requests.
        home: the BentoML store.
        process: that runs it.
    """

    story: Story
    file: Path
    state: Path
    port: int
    home: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/default/{self.story.model}/predict"

    def write(self) -> None:
        """What is to be, for the ring to see."""
        document = {
            "apiVersion": "dohyo.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.story.model},
            "spec": self.story.spec(CUSTOMER_HEADER),
        }
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    @property
    def feedback_url(self) -> str:
        """Where the truth about predictions goes."""
        return f"{self._evidence}{FEEDBACK_PATH}"

    @property
    def _evidence(self) -> str:
        """URL of the evidence service.

        Raises:
            ClusterError: the ring has not told.
        """
        presence = StateFolder(self.state).presence()
        if presence is None:
            raise ClusterError(f"the ring in {self.state} does not say where feedback goes")
        return presence.evidence

    async def status(self) -> dict[str, Any]:
        """What `dohyo status` shows, by the same socket.

        Raises:
            ClusterError: the ring does not answer; with its own words.
        """
        door = RingDoor(StateFolder(self.state))
        try:
            found = await door.exchange(
                Request("GET", MODEL_DEPLOYMENT.path("default", self.story.model))
            )
        except ApiError as error:
            raise ClusterError(str(door.complaint(error))) from error
        status: dict[str, Any] = found.get("status", {})
        return status

    async def ready(self) -> None:
        """Waits until every version serves its share, and somebody takes labels.

        Raises:
            ClusterError: that does not come; with the ring's own reason.
        """
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            conditions = {c["type"]: c for c in (await self.status()).get("conditions", ())}
            found = conditions.get("Ready", {})
            if found.get("status") == "True" and _answers(self._evidence + "/readyz"):
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.story.model} is not ready: {found.get('message')}")
            await asyncio.sleep(0.1)

    def start(self) -> None:
        """Starts it; returns at its first answer.

        Raises:
            ClusterError: it does not answer; with its own last words.
        """
        log = self.state.with_suffix(".log")
        command = [DOHYO, "up", str(self.file), "--fresh", "--state", str(self.state)]
        command += ["--port", str(self.port)]
        environment = {**os.environ, "BENTOML_HOME": str(self.home)}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            self._await_answer(self.process, log)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Ends it as Ctrl-C does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _await_answer(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        question = next(self.story.questions())
        while not _answers(self.url, question.body):
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text().strip().splitlines()[-3:]
                raise ClusterError("the ring gives no answer: " + " | ".join(words))
            time.sleep(0.1)


def _answers(url: str, body: bytes | None = None) -> bool:
    """Whether a GET, or a POST of that JSON, is answered with 200."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - 127.0.0.1
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def a_port() -> int:
    """The usual one, or any that is free."""
    for wanted in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise ClusterError("no port of 127.0.0.1 is free; end a program that listens")
