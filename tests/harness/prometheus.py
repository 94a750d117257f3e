"""A real Prometheus server, taken from Debian's package without installing it."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import paths
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER = paths.BUILD / "prometheus"
_CONFIGURATION = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes itself every second."""

    url: str


def program() -> Path:
    """The server's binary; fetched with apt once for a checkout."""
    binary = _FOLDER / "usr" / "bin" / "prometheus"
    if not binary.exists():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "prometheus"], cwd=_FOLDER, check=True)
        (package,) = _FOLDER.glob("prometheus_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, _FOLDER], check=True)
        package.unlink()
    return binary


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Runs a server until the block ends.

    Args:
        folder: for its configuration, data and log.
    """
    port = free_port()
    (folder / "prometheus.yml").write_text(_CONFIGURATION.format(port=port))
    command = [
        str(program()),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until("Prometheus has scraped itself", lambda: _scraped(url), seconds=30)
            yield Prometheus(url)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _scraped(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query=up==1", timeout=5) as answer:
            return b'"itself"' in answer.read()
    except (urllib.error.URLError, OSError):
        return False
