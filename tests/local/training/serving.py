"""A bento of the store, served by either way."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(program: str, tag: str, environment: dict[str, str]) -> Iterator[int]:
    """The port on which a bento answers; the server ends with the block."""
    with create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    scripts = Path(sys.executable).parent
    command = [str(scripts / program.split(maxsplit=1)[0]), *program.split()[1:], tag]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    if program == "dohyo-serve":
        command += ["--grpc-port", "off"]
    process = subprocess.Popen(
        command, env={**environment, "DOHYO_GRPC_PORT": "off"}, stdout=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(process, port)
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


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    until = monotonic() + 120
    while monotonic() < until:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            _pause(process)
    raise AssertionError("the server did not get ready")


def _pause(process: subprocess.Popen[bytes]) -> None:
    """Looks again soon, or at once when the server has ended."""
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return
