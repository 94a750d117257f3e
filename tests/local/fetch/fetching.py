"""`dohyo-fetch` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.harness.bentos import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60.0
# The test's own environment must not decide which credentials there are, nor which proxy.
_LEFT_OUT = ("AWS_", "GOOGLE_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Fetched:
    """How a fetch ended.

    Attributes:
        code: its exit code.
        log: all that it said.
        word: what it left for the operator; None when it failed.
        folder: where the bento is, if it is.
    """

    code: int
    log: str
    word: dict[str, Any] | None
    folder: Path

    @property
    def last_line(self) -> str:
        return self.log.strip().splitlines()[-1]


def fetch(uri: str, where: Path, *options: str, **secrets: str) -> Fetched:
    """Fetches into `where`/bento; `secrets` are mounted as files, their `_` for `-` and `.`."""
    process = start(uri, where, *options, **secrets)
    _, log = process.communicate(timeout=SECONDS)
    word = where / "word"
    found = json.loads(word.read_text()) if word.exists() else None
    assert "Traceback" not in log, log
    return Fetched(process.returncode, log, found, where / "bento")


def start(uri: str, where: Path, *options: str, **secrets: str) -> subprocess.Popen[str]:
    where.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dohyo_serving.fetch.main", uri, str(where / "bento")]
    command += ["--word", str(where / "word"), *options]
    if secrets:
        folder = where / "secret"
        folder.mkdir(exist_ok=True)
        for name, text in secrets.items():
            (folder / _FILES.get(name, name)).write_text(text)
        command += ["--credentials", str(folder)]
    environ = {n: v for n, v in os.environ.items() if not n.startswith(_LEFT_OUT)}
    paths = os.pathsep.join(str(REPOSITORY / part) for part in ("operator", "services"))
    return subprocess.Popen(
        command,
        env={**environ, "PYTHONPATH": paths, "AWS_EC2_METADATA_DISABLED": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


_FILES = {"ca_crt": "ca.crt", "dockerconfigjson": ".dockerconfigjson"}
