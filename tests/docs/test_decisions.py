"""Every decision stands in the table, under its number and title."""

from __future__ import annotations

import re

from cluster.paths import REPOSITORY

FOLDER = REPOSITORY / "docs" / "decisions"


def test_the_table_names_every_decision_once() -> None:
    listed = re.findall(
        r"^\| \[(\d+)\]\(([^)]+)\)", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    files = sorted(path.name for path in FOLDER.glob("0*.md"))

    assert [name for _, name in listed] == files
    assert [int(number) for number, _ in listed] == [int(name[:4]) for name in files]


def test_every_decision_begins_with_its_number() -> None:
    for path in FOLDER.glob("0*.md"):
        assert path.read_text().startswith(f"# {int(path.name[:4])}. ")
