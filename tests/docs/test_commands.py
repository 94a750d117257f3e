"""What pages tell a reader to type or to open exists: commands, options, verbs of make, paths."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dohyo.cli import program
from dohyo_training.cli import program as training

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "charts").rglob("*.md")),
    *sorted((ROOT / "charts").glob("*/templates/NOTES.txt")),
    *sorted((ROOT / "benchmarks").rglob("README.md")),
]
FOLDERS = "operator|services|training|charts|images|cluster|tests|benchmarks|docs|examples|locks"
# Code within a line or a block of its own; in notes and blocks every line is code.
_INLINE = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:kubectl[ -])?dohyo (?P<name>[a-z-]+)(?P<rest>[^|&;#]*)")
_OPTION = re.compile(r"(?<=\s)(--[a-z][a-z-]*|-[a-z])(?=[\s=]|$)")
_VERB = re.compile(r"^make (?:--?[a-z]+ |[A-Z]+=\S+ )*(?P<verb>[a-z][a-z0-9-]*)")
_PATH = re.compile(rf"(?:^|[\s(])(?P<path>(?:{FOLDERS})/[\w./*-]*\w)")


def snippets(page: Path) -> Iterator[str]:
    """Pieces of code, one a line."""
    text = page.read_text().replace("\\\n", " ")
    if page.suffix == ".txt":
        yield from (line.strip() for line in text.splitlines())
        return
    for block in _BLOCK.findall(text):
        yield from (line.strip() for line in block.splitlines())
    yield from _INLINE.findall(_BLOCK.sub("", text))


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    (found,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    choices: Mapping[str, argparse.ArgumentParser] = found.choices
    return choices


def unknown(name: str, rest: str) -> list[str]:
    """What the command or one of its options is called that does not exist."""
    command = commands_of(program.parser()).get(name)
    if command is None:
        return [name]
    if name == "train":
        of_training = commands_of(training.parser())
        first = rest.split()[:1]
        command = of_training.get(first[0] if first else "run", of_training["run"])
    return [each for each in _OPTION.findall(rest) if each not in command._option_string_actions]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_what_is_there(page: Path) -> None:
    verbs = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    missing: list[str] = []
    for code in snippets(page):
        if command := _COMMAND.match(code):
            missing += [f"{code}: {w}" for w in unknown(command["name"], command["rest"])]
        if (verb := _VERB.match(code)) and verb["verb"] not in verbs:
            missing.append(code)
        for found in _PATH.finditer(code):
            if not list(ROOT.glob(found["path"])):
                missing.append(found["path"])
    assert missing == []


def test_commands_verbs_and_paths_are_found_in_pages_at_all() -> None:
    """Else the test above looks past them."""
    code = [each for page in PAGES for each in snippets(page)]
    assert sum(_COMMAND.match(each) is not None for each in code) > 50
    assert sum(_VERB.match(each) is not None for each in code) > 10
    assert sum(_PATH.search(each) is not None for each in code) > 50
    assert unknown("lnit", "") == ["lnit"]
    assert unknown("lint", " -f x --colour") == ["--colour"]
