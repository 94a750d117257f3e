"""Where the development cluster keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

CLUSTER_NAME = "dohyo"
CONTEXT = f"kind-{CLUSTER_NAME}"

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent
BUILD = REPOSITORY / "build"
KUBECONFIG = BUILD / "kubeconfig"


def cache() -> Path:
    """The folder of everything slow to make; `XDG_CACHE_HOME` moves it."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / CLUSTER_NAME


def binaries() -> Path:
    """The folder of the tools that a shell may put on its PATH."""
    return cache() / "bin"


def engine() -> Path:
    """The folder of our own Docker engine: its data, socket, process id and log."""
    return cache() / "engine"


def kubectl_cache() -> Path:
    """The folder of what kubectl learned of our API server."""
    return cache() / "kubectl"
