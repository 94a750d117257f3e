"""A file of YAML → the configuration, or every error with its line and field."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from dohyo_training.complaint import Complaint
from dohyo_training.config.checks import ContradictionsError
from dohyo_training.config.run import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
_MOST_VALUES: Final = 200_000


@dataclass(frozen=True)
class Fault:
    """One error of a configuration.

    Attributes:
        file: as it was named.
        line: counted from 1.
        field: dotted, such as ``data.sources[0].path``; empty for the whole file.
        text: what is wrong, and the way out.
    """

    file: str
    line: int
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.text}"


class ConfigError(Complaint):
    """A configuration that cannot be used, with all its faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain values: `no` and `on` are words, dates are texts, 1e-5 is a number."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the base class wants a dict of its own


for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"({_pattern})$"), list(_first)
    )


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


# YAML 1.1 reads 010 as eight.
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def load(path: Path) -> RunConfig:
    """Reads the configuration of a run.

    Raises:
        ConfigError: with every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise ConfigError([Fault(str(path), 1, "", f"cannot be read: {reason}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> RunConfig:
    """The configuration in a text; `file` names it in errors.

    Raises:
        ConfigError: with every fault.
    """
    node = _composed(text, file)
    repeated = [Fault(file, line, _dotted(place), "stands twice") for place, line in _twice(node)]
    if repeated:
        raise ConfigError(repeated)
    value = _Loader("").construct_document(node)
    try:
        return RunConfig.model_validate(value)
    except ValidationError as error:
        faults = [fault for one in _telling(error.errors()) for fault in _faults(one, node, file)]
        raise ConfigError(sorted(faults, key=lambda fault: fault.line)) from None


def _composed(text: str, file: str) -> yaml.Node:
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 1
        raise ConfigError([Fault(file, line, "", f"is no YAML: {problem}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Fault(file, 1, "", f"is no YAML: {error}")]) from None
    except RecursionError:
        raise ConfigError([Fault(file, 1, "", "is nested too deep; write it flatter")]) from None
    if not isinstance(node, yaml.MappingNode):
        what = "is empty" if node is None else "is no mapping"
        text = f"{what}; `dohyo train init DATA` writes one to start from"
        raise ConfigError([Fault(file, 1, "", text)])
    if not _is_finite(node):
        text = f"holds more than {_MOST_VALUES:,} values; write it without aliases"
        raise ConfigError([Fault(file, 1, "", text)])
    return node


def _is_finite(node: yaml.Node) -> bool:
    """Whether all is said at some point: aliases make billions of a few lines, or a circle."""
    left, count = [node], 0
    while left and count <= _MOST_VALUES:
        one = left.pop()
        count += 1
        if isinstance(one, yaml.MappingNode):
            left += [part for pair in one.value for part in pair]
        elif isinstance(one, yaml.SequenceNode):
            left += one.value
    return not left


def _twice(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _twice(item, (*place, index))
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            name = str(key.value)
            if name in seen:
                yield (*place, name), key.start_mark.line + 1
            seen.add(name)
            yield from _twice(item, (*place, name))


def _telling(details: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without lists that are said to be too short only because their items are wrong."""
    places = [detail["loc"] for detail in details]
    for detail in details:
        place = detail["loc"]
        inner = any(other[: len(place)] == place and other != place for other in places)
        if detail["type"] != "too_short" or not inner:
            yield detail


def _faults(detail: ErrorDetails, node: yaml.Node, file: str) -> Iterator[Fault]:
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ContradictionsError):
        for place, text in cause.found:
            found, line = _located(node, place, missing=True)
            yield Fault(file, line, _dotted(found), text)
        return
    missing = detail["type"] == "missing"
    place, line = _located(node, detail["loc"], missing=missing)
    yield Fault(file, line, _dotted(place), _said(detail))


def _located(node: yaml.Node, place: Place, *, missing: bool) -> tuple[Place, int]:
    """The place without the names of alternatives, which stand in no file, and its line.

    With `missing`, the last part is kept though the file has it not.
    """
    found: list[str | int] = []
    line = node.start_mark.line + 1
    for index, part in enumerate(place):
        step = _step(node, part)
        if step is not None:
            node, line = step
            found.append(part)
        elif missing and index == len(place) - 1:
            found.append(part)
    return tuple(found), line


def _step(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if str(key.value) == str(part):
                return item, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _dotted(place: Place) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def _said(detail: ErrorDetails) -> str:
    """Pydantic's sentence with the value, and for unknown keys the nearest known one."""
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        word = str(detail["loc"][-1])
        if word in _fields():
            return "is no field of this section"
        near = difflib.get_close_matches(word, _fields(), n=1)
        return f"is not known{f'; did you mean {near[0]!r}?' if near else ''}"
    message = detail["msg"].removeprefix("Value error, ")
    if isinstance(value, dict | list):
        return message[0].lower() + message[1:]
    return f"{value!r}: {message[0].lower()}{message[1:]}"


def _fields() -> list[str]:
    """The name of every field of every section."""
    return sorted({name for model in _sections(RunConfig, set()) for name in model.model_fields})


def _sections(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    seen.add(model)
    for field in model.model_fields.values():
        for part in _models(field.annotation):
            if part not in seen:
                _sections(part, seen)
    return seen


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
