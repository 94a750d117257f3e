"""`dohyo-fetch` as a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.harness.bentos import surroundings, without_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.fetch.conftest import Export

SECONDS = 60.0


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


def a_bucket(folder: Path, export: Export) -> Path:
    """A folder of buckets: `models` has the bento at deep/greeter.bento."""
    place = folder / "buckets" / "models" / "deep"
    place.mkdir(parents=True)
    shutil.copy(export.path, place / "greeter.bento")
    return folder / "buckets"


def assert_fetched(uri: str, where: Path, export: Export, secrets: dict[str, str]) -> None:
    done = fetch(uri, where, "--digest", export.digest, **secrets)
    assert done.code == 0, done.log
    assert (done.folder / "bento.yaml").is_file()


def assert_refused(uri: str, where: Path, words: str, secrets: dict[str, str]) -> None:
    """At once, without another try, and in these words."""
    done = fetch(uri, where, "--patience", "3", **secrets)
    assert done.code == 1
    assert words in done.last_line
    assert "again in" not in done.log


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
    return subprocess.Popen(
        command,
        env={**without_credentials(surroundings(where)), "AWS_EC2_METADATA_DISABLED": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


_FILES = {"ca_crt": "ca.crt", "dockerconfigjson": ".dockerconfigjson"}
