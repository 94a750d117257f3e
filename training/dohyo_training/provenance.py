"""What a version is made of, and the name that follows from it: equal inputs, equal version."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dohyo_form
import dohyo_training

if TYPE_CHECKING:
    from dohyo_training.config import RunConfig

# Libraries whose release changes what a fit gives or how it is served.
LIBRARIES: Final = (
    "bentoml",
    "joblib",
    "lightgbm",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "scipy",
    "skops",
    "xgboost-cpu",
)
# Where things are written and on how many cores they are computed changes no result.
_WITHOUT_EFFECT: Final = (
    ("output",),
    ("search", "backend"),
    ("search", "address"),
    ("search", "jobs"),
)
VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class Provenance:
    """Digests of everything that a version depends on.

    Attributes:
        data, config, code, libraries: SHA-256 of each.
        content: SHA-256 of all of them.
        installed: release of each library.
        python: its release.
        commit: of the repository that the configuration lies in, with `+` for changes; or ''.
    """

    data: str
    config: str
    code: str
    libraries: str
    content: str
    installed: dict[str, str]
    python: str
    commit: str

    @property
    def version(self) -> str:
        """The bento's version where none is given."""
        return self.content[:VERSION_LENGTH]

    def as_record(self) -> dict[str, Any]:
        return dict(vars(self))


def provenance(config: RunConfig, data_digest: str, folder: Path) -> Provenance:
    """Digests everything; `folder` is that of the configuration."""
    installed = {name: found for name in LIBRARIES if (found := _installed(name))}
    python = platform.python_version()
    parts = {
        "data": data_digest,
        "config": _digest(json.dumps(_with_effect(config), sort_keys=True).encode()),
        "code": code_digest(),
        "libraries": _digest(json.dumps({**installed, "python": python}, sort_keys=True).encode()),
    }
    content = _digest(json.dumps(parts, sort_keys=True).encode())
    return Provenance(
        **parts, content=content, installed=installed, python=python, commit=_commit(folder)
    )


def code_digest() -> str:
    """SHA-256 of the sources that train and that make and read the serving form."""
    whole = hashlib.sha256()
    for package in (dohyo_training, dohyo_form):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            whole.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


def _with_effect(config: RunConfig) -> dict[str, Any]:
    document = config.model_dump(mode="json")
    for place in _WITHOUT_EFFECT:
        section = document
        for name in place[:-1]:
            section = section[name]
        section.pop(place[-1], None)
    # The name is part of the version's identity, its folder is not.
    return {**document, "name": config.output.name}


def _commit(folder: Path) -> str:
    def git(*words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words],
                check=False,
                capture_output=True,
                text=True,
                timeout=20,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "HEAD")
    return head + ("+" if head and git("status", "--porcelain", "--untracked-files=no") else "")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
