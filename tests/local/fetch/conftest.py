"""One bento for all tests of the fetcher, exported as BentoML does it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.harness import bentos
from tests.harness.authority import an_authority
from tests.harness.pushing import digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.authority import Authority

SOURCE = """
import bentoml


@bentoml.service(name="greeter", workers=1)
class Service:
    @bentoml.api(route="/greet")
    def greet(self, name: str) -> str:
        return f"hello {name}"
"""


@dataclass(frozen=True)
class Export:
    """An exported bento.

    Attributes:
        path: of the archive.
        tag: of the bento.
        digest: of the archive.
    """

    path: Path
    tag: str
    digest: str


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    home = tmp_path_factory.mktemp("store")
    tag = bentos.built(SOURCE, home, {})
    path = home / "exported" / "greeter.bento"
    path.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "export", tag, str(path)],
        env=bentos.surroundings(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Export(path, tag, digest_of(path.read_bytes()))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return an_authority(tmp_path_factory.mktemp("authority"))
