"""What an unpacked bento says of itself, without running any of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from dohyo_serving.fetch.errors import FetchError

if TYPE_CHECKING:
    from pathlib import Path

BENTO_FILE: Final = "bento.yaml"
LIBRARY: Final = "dohyo_serving"
# Overrides what its sources show, for a bento that reaches the library through another package.
LABEL: Final = "dohyo.dev/serving"
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Bento:
    """A bento, from outside.

    Attributes:
        tag: name:version.
        has_library: whether it is made with `dohyo_serving`.
    """

    tag: str
    has_library: bool


def root_of(folder: Path) -> Path:
    """The folder that holds the bento: this one, or the only one in it.

    Raises:
        FetchError: there is no bento.
    """
    if (folder / BENTO_FILE).is_file():
        return folder
    inside = [path for path in folder.iterdir() if path.is_dir()]
    if len(inside) == 1 and (inside[0] / BENTO_FILE).is_file():
        return inside[0]
    raise FetchError(f"holds no bento: there is no {BENTO_FILE}; make one with `bentoml export`")


def inspected(root: Path) -> Bento:
    """Reads a bento's description.

    Raises:
        FetchError: it has none that can be understood.
    """
    path = root / BENTO_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FetchError(f"its {BENTO_FILE} has {path.stat().st_size} bytes")
        document: Any = yaml.safe_load(path.read_text())
        tag = f"{document['name']}:{document['version']}"
        label = (document.get("labels") or {}).get(LABEL)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(f"its {BENTO_FILE} cannot be understood; export it anew") from error
    if label is not None:
        return Bento(tag, str(label).lower() in ("true", "1", "yes"))
    return Bento(tag, _imports_library(root / "src"))


def _imports_library(sources: Path) -> bool:
    return any(_imports(path) for path in sorted(sources.rglob("*.py")))


def _imports(path: Path) -> bool:
    """Whether a module names the library in an import; one that is no Python does not."""
    try:
        text = path.read_bytes()
        if len(text) > _MOST_BYTES or LIBRARY.encode() not in text:
            return False
        nodes = list(ast.walk(ast.parse(text)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == LIBRARY for name in names)
