"""Who builds and pushes images on this machine: docker or buildah."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dohyo.cli.complaint import Complaint

NAMES = ("docker", "buildah")
_DIGEST = re.compile("sha256:[a-f0-9]{64}")


@dataclass(frozen=True)
class Engine:
    """One of them, by the name of its program."""

    name: str

    def build(self, context: Path, reference: str) -> str:
        """Builds the context's Dockerfile; the image's id.

        Raises:
            Complaint: the build failed, with its last words.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "id"
            options = ["--tag", reference, "--iidfile", str(file), str(context)]
            self._run(["build", *options])
            found = file.read_text().strip()
        return found if found.startswith("sha256:") else f"sha256:{found}"

    def push(self, reference: str) -> str:
        """Pushes an image; the digest under which its registry keeps it.

        Raises:
            Complaint: it was refused, or nobody told the digest.
        """
        if self.name == "buildah":
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "digest"
                self._run(["push", "--digestfile", str(file), reference])
                return file.read_text().strip()
        said = self._run(["push", reference])
        digests = _DIGEST.findall(said)
        if not digests:
            raise Complaint(f"{reference}: pushed, but docker told no digest; look in the registry")
        return str(digests[-1])

    def _run(self, arguments: list[str]) -> str:
        command = [self.name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
            words = next((line for line in reversed(lines) if line), "it said nothing")
            raise Complaint(f"`{self.name} {arguments[0]}` ended with {done.returncode}: {words}")
        return done.stdout


def engine_named(name: str | None) -> Engine:
    """The engine of that name, or the first that is there.

    Raises:
        Complaint: there is none.
    """
    for candidate in (name,) if name else NAMES:
        if shutil.which(candidate) is not None:
            return Engine(candidate)
    wanted = name or " and no ".join(NAMES)
    raise Complaint(f"no {wanted} on PATH; install one, or name the other with --engine")
