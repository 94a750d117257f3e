"""How a served bento ends and what it says when it cannot begin."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import yaml

from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports, traffic
from tests.harness.load import Order
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.harness.bentos import Served

pytestmark = pytest.mark.timeout(180)

# A service that answers after as many seconds as it is told, and fails to start when told so.
SLOW = """
import asyncio
import bentoml

arguments = bentoml.use_arguments()
if arguments.fails == "at import":
    raise RuntimeError("the code is broken")

@bentoml.service(logging={"access": {"enabled": False}})
class Service:
    def __init__(self):
        if arguments.fails == "at start":
            raise ValueError("weights\\nare missing")

    @bentoml.api
    async def wait(self, seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bentos")


@pytest.fixture(scope="module")
def slow(home: Path) -> str:
    return bentos.built(SLOW, home, {"fails": "never"})


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def asked(background: ThreadPoolExecutor, served: Served, seconds: float) -> Future[int]:
    """The status of a request that takes so many seconds; it is under way when this returns."""
    status = background.submit(lambda: served.send("POST", "/wait", f'{{"seconds": {seconds}}}')[0])
    until("the request is under way", lambda: _in_progress(served), seconds=10)
    return status


def _in_progress(served: Served) -> bool:
    lines = served.get("/metrics")[1].splitlines()
    return any(
        "in_progress" in line and "/wait" in line and line.endswith(" 1.0") for line in lines
    )


def test_what_was_accepted_is_finished_and_the_new_is_refused(
    home: Path, slow: str, background: ThreadPoolExecutor
) -> None:
    with bentos.served(slow, home=home) as served:
        request = asked(background, served, 4)
        served.process.send_signal(signal.SIGTERM)
        until("new connections are refused", served.refuses, seconds=2)
        assert not request.done()
        assert request.result(20) == 200
        assert served.process.wait(10) == 0


def test_the_grace_time_has_an_end(home: Path, slow: str, background: ThreadPoolExecutor) -> None:
    with bentos.served(slow, "--grace", "1", home=home) as served:
        request = asked(background, served, 60)
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
        assert time.monotonic() - began < 6
        assert request.result(10) == 500


def test_an_end_under_load_loses_nothing() -> None:
    samples.ensure()
    question = model.question(model.rows()[:1])
    with bentos.served(model.LOGISTIC, home=BENTOML_HOME) as served:
        order = Order("local", question.path, question.body, (Phase(200, 12),), port=served.port)
        with traffic.under(order) as load:
            load.until_seen("500 answers", lambda seen: len(seen) >= 500, seconds=20)
            told = time.time()
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(20) == 0
            seen = load.stop()
    assert traffic.kept_its_schedule(seen)
    assert set(seen.between(0, told).outcomes()) == {"200"}
    # Later ones are answered on connections that were open already, or refused: never cut off.
    assert set(seen.outcomes()) == {"200", "connect"}, seen.failures_in_words()


def test_a_second_signal_ends_it_at_once(
    home: Path, slow: str, background: ThreadPoolExecutor
) -> None:
    with bentos.served(slow, home=home) as served:
        request = asked(background, served, 30)
        served.process.send_signal(signal.SIGTERM)
        until("new connections are refused", served.refuses, seconds=2)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(5) == 0
        assert request.result(10) == 500


def test_a_signal_while_loading_ends_it_at_once(home: Path, slow: str) -> None:
    process = bentos.launch(slow, "--port", str(ports.free_port()), home=home)
    until("the handler is set", lambda: _catches_terminate(process.pid), seconds=20)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == 128 + signal.SIGTERM


def _catches_terminate(process_id: int) -> bool:
    """Whether a process has a handler for SIGTERM: process 1 of a container needs one."""
    with open(f"/proc/{process_id}/status") as status:  # noqa: PTH123
        caught = next(line for line in status if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def told(process: subprocess.Popen[str]) -> str:
    """The last line of a start that failed; no traceback stands before it."""
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1, said
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("missing:v1", "missing:v1: no such bento in the store"),
        ("./nowhere", "./nowhere: no bento.yaml in this folder"),
        ("os", "os: no such bento in the store"),
    ],
)
def test_a_missing_bento_is_told_in_one_line(home: Path, target: str, words: str) -> None:
    assert words in told(bentos.launch(target, "--port", "0", home=home))


def test_a_model_that_does_not_load_is_told_in_one_line(home: Path) -> None:
    tag = bentos.built(SLOW.replace("Service:", "Service:  # other"), home, {"fails": "no"})
    folder = home / "bentos" / tag.replace(":", "/")
    text = (folder / "bento.yaml").read_text()
    for fails, words in (
        ("at start", "does not start: ValueError: weights are missing (at "),
        ("at import", "code fails: RuntimeError: the code is broken (at "),
    ):
        (folder / "bento.yaml").write_text(text.replace("fails: 'no'", f"fails: {fails}"))
        line = told(bentos.launch(tag, "--port", "0", home=home))
        assert words in line
        assert "service.py:" in line


def test_a_bento_for_other_packages_is_refused_or_served_with_a_warning(home: Path) -> None:
    tag = bentos.built(SLOW, home, {"fails": "never"})
    file = home / "bentos" / tag.replace(":", "/") / "bento.yaml"
    description = yaml.safe_load(file.read_text())
    description["image"]["python_requirements"] = "scikit-learn==1.2.0\n"
    file.write_text(yaml.safe_dump(description))
    line = told(bentos.launch(tag, "--port", "0", home=home))
    assert "scikit-learn==1.2.0 (here " in line
    assert "--warn" in line
    description["image"]["python_version"] = "3.9"
    file.write_text(yaml.safe_dump(description))
    line = told(bentos.launch(tag, "--port", "0", home=home))
    assert f"python 3.9 (here {platform.python_version()}), scikit-learn==1.2.0 (here " in line
    with bentos.served(tag, "--warn", home=home) as served:
        served.process.terminate()
        said = served.process.communicate(timeout=20)[0]
    assert "scikit-learn==1.2.0 (here " in said


def test_a_bento_of_another_digest_is_refused_before_its_code_runs(home: Path, slow: str) -> None:
    folder = home / "bentos" / slow.replace(":", "/")
    shown = bentos.launch(str(folder), "--show-digest", home=home).communicate(timeout=30)[0]
    with bentos.served(slow, "--digest", shown.strip(), home=home) as served:
        assert served.get("/livez")[0] == 200
    copy = home / "changed"
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    (copy / "src" / "service.py").write_text("raise SystemExit('it ran')")
    line = told(bentos.launch(str(copy), "--digest", shown.strip(), "--port", "0", home=home))
    assert f"{shown.strip()} is demanded" in line


def test_golden_rows_answered_otherwise_keep_it_from_becoming_ready(tmp_path: Path) -> None:
    samples.ensure()
    folder = tmp_path / "bento"
    samples.unpack("v1-logistic", folder)
    (file,) = folder.glob("models/**/golden.json")
    golden = json.loads(file.read_text())
    golden["outputs"][3] = [0.25, 0.75]
    file.write_text(json.dumps(golden))
    line = told(bentos.launch(str(folder), "--port", "0", home=tmp_path))
    assert "1 golden rows are answered otherwise than in training: row 3: " in line
    assert "instead of [0.25, 0.75]" in line


def test_a_taken_port_is_told_in_one_line(home: Path, slow: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = bentos.launch(slow, "--host", "127.0.0.1", "--port", port, home=home)
        assert f"port {port} on 127.0.0.1 cannot be taken" in told(process)


def test_a_home_that_cannot_be_written_is_told_in_one_line(home: Path, slow: str) -> None:
    process = subprocess.Popen(
        [str(bentos.PROGRAMS / "dohyo-serve"), slow, "--port", "0"],
        env={**bentos.surroundings(home), "BENTOML_HOME": "/proc/nothing"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert f"/proc/nothing is not a folder that user {os.getuid()} can write" in told(process)
