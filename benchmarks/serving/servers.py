"""The servers side by side: ours in three ways, and each peer in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psutil

from benchmarks.serving.subjects import Subject, written
from tests.harness import bentos, ports
from tests.harness.environments import python_with
from tests.harness.until import until
from tests.unit.serving.serving_in_process import MASTER, write_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PEERS = Path(__file__).parent / "peers"
MODELS = ("scikit-learn==1.9.1", "xgboost-cpu==3.2.0")
SCIENCE = (*MODELS, "pandas==3.1.1", "numpy==2.4.6")
WEB = (
    "fastapi==0.165.0",
    "starlette==1.10.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
)
REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "web": (*WEB, "orjson==3.13.0", *SCIENCE),
    "mlserver": ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", *MODELS),
    "kserve": ("kserve==0.21.0", *MODELS),
    "ray": ("ray[serve]==2.60.0", *MODELS),
}
OURS = """
import os
from pathlib import Path
import bentoml, joblib
from dohyo_form.contract import contract_from_json
from dohyo_serving.endpoint import Endpoint
import json

arguments = bentoml.use_arguments()
endpoint = Endpoint("cells")

@endpoint.attached
@bentoml.service(logging={"access": {"enabled": False}}, tracing={"excluded_urls": ".*"})
class Service:
    def __init__(self):
        folder = Path(arguments.folder)
        if arguments.kind == "form":
            endpoint.load(folder)
            return
        contract = json.loads((folder / "serving-form" / "contract.json").read_text())
        endpoint.load(joblib.load(arguments.pipeline), contract=contract_from_json(contract))
"""


@dataclass(frozen=True)
class Server:
    """A running server, and how it is asked.

    Attributes:
        process: the root of its process tree.
        url, body: of the request by HTTP.
        grpc: host and port; None where it has none.
    """

    process: subprocess.Popen[str]
    url: str
    body: Path
    grpc: str | None = None


@dataclass(frozen=True)
class Start:
    """How to start a server: its command, the path to ask, and what says that it is ready."""

    command: list[str]
    path: str
    document: Any
    ready: str
    environment: Mapping[str, str]
    grpc: bool = False


OF_RECORDS = ("dohyo form", "dohyo pipeline", "starlette", "fastapi")
EVERY = (*OF_RECORDS, "mlserver", "kserve", "bentoml", "ray")


def names(subject: Subject) -> tuple[str, ...]:
    return EVERY if subject.numeric else OF_RECORDS


@contextmanager
def running(name: str, subject: Subject, work: Path) -> Iterator[Server]:
    """The server, ready; ended with all its processes."""
    port, grpc_port = ports.free_port(), ports.free_port()
    start = _starts()[name](subject, work, port, grpc_port)
    log = (work / f"{name.replace(' ', '-')}.log").open("w")
    process = subprocess.Popen(
        ["taskset", "-c", "0", *start.command],
        cwd=work,
        env={**os.environ, "OMP_NUM_THREADS": "1", **start.environment},
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        # Ray starts half a dozen processes on the one core.
        until(f"{name} is ready", lambda: _answers(process, base + start.ready), seconds=240)
        body = written(start.document, work / f"{name.replace(' ', '-')}.json")
        yield Server(
            process, base + start.path, body, f"127.0.0.1:{grpc_port}" if start.grpc else None
        )
    finally:
        _end(process)
        log.close()


def _starts() -> dict[str, Callable[[Subject, Path, int, int], Start]]:
    return {
        "dohyo form": _ours("form"),
        "dohyo pipeline": _ours("pipeline"),
        "starlette": _web("starlette_app.py"),
        "fastapi": _web("fastapi_app.py"),
        "mlserver": _mlserver,
        "kserve": _kserve,
        "bentoml": _bentoml,
        "ray": _ray,
    }


def _ours(kind: str) -> Callable[[Subject, Path, int, int], Start]:
    def start(subject: Subject, work: Path, port: int, grpc_port: int) -> Start:
        home = work / f"bentos-{subject.form.name}-{kind}"
        home.mkdir(exist_ok=True)
        arguments = {"kind": kind, "folder": str(subject.form), "pipeline": str(subject.pipeline)}
        tag = bentos.built(OURS, home, arguments)
        keys = work / "keys"
        write_keys(keys, MASTER.for_namespace("shop"))
        identity = {
            "DOHYO_NAMESPACE": "shop",
            "DOHYO_DEPLOYMENT": "cells",
            "DOHYO_VERSION": "v1",
            "DOHYO_KEYS": str(keys),
        }
        command = [str(bentos.PROGRAMS / "dohyo-serve"), tag, "--host", "127.0.0.1"]
        command += ["--port", str(port), "--grpc-port", str(grpc_port)]
        environment = {**bentos.surroundings(home), **identity}
        if subject.numeric:
            path = "/v2/models/cells/infer"
            return Start(command, path, subject.tensor_body(), "/readyz", environment, grpc=True)
        document = {"records": [subject.record]}
        return Start(command, "/predict", document, "/readyz", environment, grpc=True)

    return start


def _web(script: str) -> Callable[[Subject, Path, int, int], Start]:
    def start(subject: Subject, _work: Path, port: int, _grpc: int) -> Start:
        interpreter = str(python_with(REQUIREMENTS["web"]))
        command = [interpreter, str(PEERS / script), str(subject.pipeline), str(port)]
        document = _plain(subject)
        return Start(command, _path(subject), document, "/ready", {})

    return start


def _path(subject: Subject) -> str:
    return "/numbers" if subject.numeric else "/records"


def _plain(subject: Subject) -> dict[str, Any]:
    return {"rows": [subject.row]} if subject.numeric else {"records": [subject.record]}


def _mlserver(subject: Subject, work: Path, port: int, grpc_port: int) -> Start:
    folder = work / "mlserver"
    folder.mkdir(exist_ok=True)
    settings = {
        "http_port": port,
        "grpc_port": grpc_port,
        "parallel_workers": 0,
        "host": "127.0.0.1",
    }
    settings |= {"metrics_port": ports.free_port(), "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "cells", "implementation": "mlserver_sklearn.SKLearnModel"}
    model["parameters"] = {"uri": str(subject.pipeline), "version": "v1"}  # type: ignore[assignment]
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = python_with(REQUIREMENTS["mlserver"]).with_name("mlserver")
    document = {**subject.tensor_body(), "outputs": [{"name": "predict_proba"}]}
    path, ready = "/v2/models/cells/infer", "/v2/models/cells/ready"
    python = str(program.with_name("python"))
    return Start([python, str(program), "start", str(folder)], path, document, ready, {}, grpc=True)


def _kserve(subject: Subject, _work: Path, port: int, grpc_port: int) -> Start:
    interpreter = str(python_with(REQUIREMENTS["kserve"]))
    command = [interpreter, str(PEERS / "kserve_app.py"), str(subject.pipeline)]
    command += [str(port), str(grpc_port)]
    path, ready = "/v2/models/cells/infer", "/v2/health/ready"
    return Start(command, path, subject.tensor_body(), ready, {}, grpc=True)


def _bentoml(subject: Subject, _work: Path, port: int, _grpc: int) -> Start:
    command = [sys.executable, "-m", "bentoml", "serve", "bentoml_service:Cells"]
    command += ["--working-dir", str(PEERS), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PIPELINE": str(subject.pipeline), "BENTOML_DO_NOT_TRACK": "True"}
    return Start(command, "/numbers", _plain(subject), "/readyz", environment)


def _ray(subject: Subject, _work: Path, port: int, _grpc: int) -> Start:
    interpreter = str(python_with(REQUIREMENTS["ray"]))
    command = [interpreter, str(PEERS / "ray_app.py"), str(subject.pipeline), str(port)]
    return Start(
        command, "/numbers", _plain(subject), "/-/healthz", {"RAY_USAGE_STATS_ENABLED": "0"}
    )


def _answers(process: subprocess.Popen[str], url: str) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"it ended with code {process.returncode}; its log says why")
    try:
        # Loopback is asked directly, whatever proxy the surroundings name.
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _end(process: subprocess.Popen[str]) -> None:
    tree: list[Any] = []
    if process.poll() is None:
        tree = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in tree:
        if child.is_running():
            child.kill()
