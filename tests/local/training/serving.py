"""A bento of the store, served by either way."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(program: str, tag: str, environment: dict[str, str]) -> Iterator[int]:
    """The port on which a bento answers; the server ends with the block."""
    port = free_port()
    scripts = Path(sys.executable).parent
    command = [str(scripts / program.split(maxsplit=1)[0]), *program.split()[1:], tag]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    if program == "dohyo-serve":
        command += ["--grpc-port", "off"]
    process = subprocess.Popen(
        command, env={**environment, "DOHYO_GRPC_PORT": "off"}, stdout=subprocess.DEVNULL
    )
    try:
        until(f"{program} serves {tag}", lambda: _ready(process, port), seconds=120)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def post(port: int, body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _ready(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, f"the server ended with {process.returncode}"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
