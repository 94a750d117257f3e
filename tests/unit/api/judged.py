"""The manifests that lint and a real API server must judge alike.

A file holds one ModelDeployment, or two: one that is there and one that replaces it. An invalid
file says in its first lines where (``at``) and in which words (``says``) it is refused, where the
API server has words of its own (``server``), and why only Python can see it (``only``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dohyo.cli.documents import documents

FOLDER = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Manifest:
    name: str
    before: dict[str, Any] | None
    document: dict[str, Any]
    at: str | None
    says: str | None
    server: str | None
    only: str | None

    @property
    def is_valid(self) -> bool:
        return self.says is None


def manifests() -> list[Manifest]:
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _read(path: Path) -> Manifest:
    text = path.read_text()
    expected = dict(re.findall(r"^# (at|says|server|only): (.*)$", text, re.MULTILINE))
    found = [document.value for document in documents(text, path.name)]
    valid = path.name.startswith("valid-")
    if valid == bool(expected) or len(found) not in {1, 2}:
        raise ValueError(f"{path.name}: its name, its first lines and its documents do not agree")
    return Manifest(
        name=path.stem,
        before=found[0] if len(found) == 2 else None,
        document=found[-1],
        at=expected.get("at"),
        says=expected.get("says"),
        server=expected.get("server"),
        only=expected.get("only"),
    )
