"""A bento of the store, served by either way."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.loopback import OnPort
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(program: str, tag: str, environment: dict[str, str]) -> Iterator[OnPort]:
    """A bento that answers; the server ends with the block."""
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
        served = OnPort(port)

        def ready() -> str:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            return served.ready()

        until(f"{program} serves {tag}", ready, "200".__eq__, seconds=120)
        yield served
    finally:
        process.terminate()
        process.wait(30)
