"""`dohyo up` as a process of a test: its file, its folder, what it says and what it runs."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from dohyo.cluster.kinds import MODEL_DEPLOYMENT, POD
from dohyo.contract import AGENT_REPORT_PATH, report_from_json
from dohyo.local.pods import ANNOTATION_PROCESS
from tests.harness import bentos, ports
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dohyo.contract import GatewayReport

NAME = "words"
HOST = f"{NAME}.default"
KEY = f"default/{NAME}"
ENTITY = "x-customer-id"
READY_SECONDS = 120.0
ACCOUNT_LINES = 60
# A ring that scales within seconds.
BRISK = {
    "DOHYO_SCALING_STABLE_SECONDS": "3",
    "DOHYO_SCALING_PANIC_SECONDS": "1",
    "DOHYO_SCALING_DOWN_DELAY_SECONDS": "2",
}

# Says the word that it was packed with, at once or after as many seconds as it is told, and with
# the status that it is told.
SPEAKER = """
import asyncio
import bentoml

arguments = bentoml.use_arguments()
if arguments.word == "broken":
    raise RuntimeError("this one cannot speak")

@bentoml.service(logging={"access": {"enabled": False}}, tracing={"excluded_urls": ".*"})
class Service:
    @bentoml.api
    async def say(self, ctx: bentoml.Context, after: float = 0.0, status: int = 200) -> str:
        if after:
            await asyncio.sleep(after)
        ctx.response.status_code = status
        return arguments.word
"""


def speakers(home: Path, *words: str) -> None:
    """Packs bentos ``service:<word>``; all but the first are made from its files."""
    first, *others = words
    built = bentos.built(SPEAKER, home, {"word": first})
    root = home / "bentos" / "service"
    (root / built.partition(":")[2]).rename(root / first)
    for word in (first, *others):
        if word != first:
            shutil.copytree(root / first, root / word)
        file = root / word / "bento.yaml"
        description = yaml.safe_load(file.read_text())
        description["version"], description["args"] = word, {"word": word}
        file.write_text(yaml.safe_dump(description))


def a_spec(champion: str, *challengers: tuple[str, float], **fields: Any) -> dict[str, Any]:
    """Versions are called like their words."""
    return {
        "champion": {"name": champion, "bento": f"service:{champion}"},
        "challengers": [
            {"name": word, "bento": f"service:{word}", "weight": weight}
            for word, weight in challengers
        ],
        "traffic": {"stickyBy": {"header": ENTITY}},
        **fields,
    }


def a_request(entity: int, after: float = 0.0, status: int = 200) -> bytes:
    body = json.dumps({"after": after, "status": status})
    lines = [
        *("POST /say HTTP/1.1", f"Host: {HOST}", f"{ENTITY}: customer-{entity}"),
        *("Content-Type: application/json", f"Content-Length: {len(body)}"),
    ]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


@dataclass
class House:
    """One ring, or several after each other in the same folder.

    Attributes:
        folder: that holds file and state.
        home: the BentoML store.
        port: of requests.
        environment: variables beyond those of the test.
    """

    folder: Path
    home: Path
    port: int = field(default_factory=ports.free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def file(self) -> Path:
        return self.folder / "ring.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write(self, spec: Mapping[str, Any]) -> None:
        document = {
            "apiVersion": MODEL_DEPLOYMENT.api_version,
            "kind": MODEL_DEPLOYMENT.name,
            "metadata": {"name": NAME},
            "spec": spec,
        }
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`dohyo` with these arguments and variables, to its end."""
        return subprocess.run(
            [str(bentos.PROGRAMS / "dohyo"), *arguments],
            env=self._variables() | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def launch(self, *options: str) -> None:
        """Starts `dohyo up`; what it says goes to a file."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(str(bentos.PROGRAMS / "dohyo"), "up", str(self.file), *options),
                    *("--state", str(self.state), "--port", str(self.port)),
                ],
                env=self._variables(),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def account(self) -> str:
        """For whoever reads of a failure: the resource as it is, and the ring's last words."""
        try:
            known = yaml.safe_dump(self.resource(), sort_keys=False)
        except (OSError, ValueError, http.client.HTTPException) as error:
            known = f"the ring cannot be asked: {error!r}\n"
        ended = self.process.poll() if self.process is not None else "it was not started"
        last = "\n".join(self.said().splitlines()[-ACCOUNT_LINES:])
        log = self.state / "logs" / "ring.log"
        written = log.read_text(errors="replace").splitlines() if log.is_file() else []
        decided = "\n".join(written[-ACCOUNT_LINES:])
        return (
            f"exit code: {ended}\n--- resource\n{known}--- said\n{last}\n--- {log.name}\n{decided}"
        )

    def up(self, *options: str) -> None:
        """Starts a ring, and waits until every version serves its share."""
        self.launch(*options)
        self.until_ready()

    def until_ready(self) -> None:
        """Until the present file is carried out in full."""
        until("the ring is ready", self._readiness, ("True").__eq__, seconds=READY_SECONDS)

    def until_shares(self, **shares: float) -> None:
        """Until these versions, and no others, have these percents of the requests."""
        until("shares", self.shares, shares.__eq__, seconds=READY_SECONDS)

    def until_routed(self) -> None:
        """Until Envoy has the routing table that the status tells of."""
        until("the table is applied", self._lag, (0).__eq__, seconds=READY_SECONDS)

    @property
    def agent(self) -> str:
        """URL of the gateway's agent."""
        return str(json.loads((self.state / "ring.json").read_text())["agent"])

    def gateway_report(self) -> GatewayReport:
        """What the gateway has applied and counted."""
        connection = http.client.HTTPConnection(self.agent.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", AGENT_REPORT_PATH)
            return report_from_json(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def resource(self) -> dict[str, Any]:
        found: dict[str, Any] = self.asked(MODEL_DEPLOYMENT.path("default", NAME))
        return found

    def shares(self) -> dict[str, float]:
        versions = self.resource().get("status", {}).get("versions", [])
        return {v["name"]: v["weight"] for v in versions}

    def processes(self, version: str = "") -> set[int]:
        """Processes of replicas that are not on their way out."""
        pods = self.asked(POD.path("default"))["items"]
        return {
            int(pod["metadata"]["annotations"][ANNOTATION_PROCESS])
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
            and ANNOTATION_PROCESS in pod["metadata"]["annotations"]
            and version in ("", pod["metadata"]["labels"]["dohyo.dev/version"])
        }

    def ready(self, version: str) -> int:
        for entry in self.resource().get("status", {}).get("versions", []):
            if entry["name"] == version:
                return int(entry.get("readyReplicas", 0))
        return 0

    def everything(self) -> list[psutil.Process]:
        """All processes that the ring has started, but not itself."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def asked(self, path: str) -> Any:
        """What the control socket answers; {} while there is none."""
        connection = http.client.HTTPConnection("ring", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(self.state / "ring.sock"))
            connection.request("GET", path)
            document = json.loads(connection.getresponse().read())
        except (FileNotFoundError, ConnectionError):
            return {}
        finally:
            connection.close()
        return document

    def end(self) -> None:
        """Ends the ring as Ctrl-C does, and kills what does not go."""
        if self.process is None or self.process.poll() is not None:
            return
        children = self.everything()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        kill(children)

    def _lag(self) -> int | None:
        """By how many epochs Envoy is behind; None while nothing is known."""
        wanted = self.resource().get("status", {}).get("routing", {}).get("epoch")
        has = self.gateway_report().epochs.get(KEY)
        return wanted - has if wanted is not None and has is not None else None

    def _readiness(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        found = self.resource()
        generation = found.get("metadata", {}).get("generation")
        for condition in found.get("status", {}).get("conditions", []):
            if condition["type"] == "Ready" and condition["observedGeneration"] == generation:
                return "True" if condition["status"] == "True" else str(condition["message"])
        return "nothing is known yet"

    def _variables(self) -> dict[str, str]:
        return {**bentos.surroundings(self.home), "KUBECONFIG": "", **self.environment}

    @property
    def _log(self) -> Path:
        return self.folder / "said"


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that has ended and waits for its parent does not."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
