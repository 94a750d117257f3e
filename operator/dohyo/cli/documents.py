"""YAML as `kubectl` reads it, with the line of every field."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final

import yaml

from dohyo.api.violations import dotted
from dohyo.cli.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]

_BOOL: Final = re.compile(
    "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
)
_INT: Final = re.compile("[-+]?(0b[01]+|0o?[0-7]+|0|[1-9][0-9_]*|0x[0-9a-fA-F]+)")
_FLOAT: Final = re.compile(r"[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?")
# A resource has some hundreds; aliases of aliases make billions of a few lines.
_MOST_PLACES: Final = 200_000
_WITHOUT: Final = "write it without aliases"
_NULL: Final = re.compile("~|null|Null|NULL|")


@dataclass(frozen=True)
class Document:
    """One document of a file.

    Attributes:
        file: as it was named, or ``-``.
        value: JSON values.
        line: where it begins, counted from 1.
        lines: of every field, by its dotted path.
        repeated: lines of keys that stand twice, by their dotted path.
    """

    file: str
    value: Any
    line: int
    lines: dict[str, int]
    repeated: dict[str, int]

    def line_of(self, path: str) -> int:
        """The line of a field, or of what is nearest to where it is missing."""
        while path not in self.lines:
            path = re.sub(r"(^|[.])[^.\[]*$|\[\d+\]$", "", path)
            if not path:
                return self.line
        return self.lines[path]


class Unreadable(Exception):  # noqa: N818
    """The text is no YAML.

    Attributes:
        line: where, counted from 1; None when the parser does not say.
        way_out: what to do about it, or why nothing can be made of it.
    """

    def __init__(self, problem: str, line: int | None, way_out: str = "it is no YAML") -> None:
        super().__init__(problem)
        self.line = line
        self.way_out = way_out


class _Loader(yaml.SafeLoader):
    """Dates and sixties stay strings, and 1e9 is a number: as in `kubectl`'s own reader."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the base class wants a dict of its own


for _tag, _pattern, _first in (
    ("bool", _BOOL, "yYnNtTfFoO"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<"), "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"({_pattern.pattern})$"), list(_first)
    )


def text_of(file: str) -> str:
    """What a file holds; ``-`` is standard input.

    Raises:
        Complaint: it cannot be read.
    """
    try:
        return sys.stdin.read() if file == "-" else FilePath(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Complaint(f"cannot read {file}: is no UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise Complaint(f"cannot read {file}: {error.strerror}; {_way_out(error)}") from None


def _way_out(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "name a file in it"
    if isinstance(error, PermissionError):
        return "ask for the right to read it"
    return f"a relative path begins at {FilePath.cwd()}"


def documents(text: str, file: str) -> Iterator[Document]:
    """The documents of a file that are not empty; items of a List one by one.

    Raises:
        Unreadable: from the place on where the text is no YAML.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield from _split(_document(loader, node, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable(problem, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise Unreadable(str(error), None) from None
    except RecursionError:
        raise Unreadable("it is nested too deep, or holds itself", None, _WITHOUT) from None
    finally:
        loader.dispose()


def _document(loader: _Loader, node: yaml.Node, file: str) -> Document:
    lines: dict[str, int] = {}
    repeated: dict[str, int] = {}
    for count, (path, line, twice) in enumerate(_places(loader, node, ())):
        if count >= _MOST_PLACES:
            many = f"it holds more than {_MOST_PLACES:,} values, aliases included"
            raise Unreadable(many, line, _WITHOUT)
        where = dotted(path)
        lines.setdefault(where, line)
        if twice:
            repeated[where] = line
    value = _plain(loader.construct_object(node, deep=True))
    return Document(file, value, node.start_mark.line + 1, lines, repeated)


def _places(loader: _Loader, node: yaml.Node, path: Path) -> Iterator[tuple[Path, int, bool]]:
    """Every place below the node, its line, and whether its key stood there already."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1, False
            yield from _places(loader, item, (*path, index))
    elif isinstance(node, yaml.MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        twice = [keys.index(key) != index for index, key in enumerate(keys)]
        for (key, item), again in zip(node.value, twice, strict=True):
            yield (*path, str(key.value)), key.start_mark.line + 1, again
            yield from _places(loader, item, (*path, str(key.value)))


def _plain(value: Any) -> Any:
    """As it arrives in JSON: keys are strings, and a whole number has no fraction."""
    if isinstance(value, dict):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _split(document: Document) -> Iterator[Document]:
    if document.value is None:
        return
    value = document.value
    if not isinstance(value, dict) or value.get("kind") != "List":
        yield document
        return
    items = value.get("items")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        prefix = f"items[{index}]"
        lines, repeated = (_below(prefix, all_) for all_ in (document.lines, document.repeated))
        yield Document(document.file, item, document.lines[prefix], lines, repeated)


def _below(prefix: str, lines: dict[str, int]) -> dict[str, int]:
    return {
        path.removeprefix(f"{prefix}."): line
        for path, line in lines.items()
        if path.startswith(f"{prefix}.")
    }
