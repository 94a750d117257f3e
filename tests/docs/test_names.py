"""Variables, metrics and headers that a page names are those of the sources."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from tests.docs.pages import NAMES, PAGES

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("operator", "services", "training", "charts", "images", "cluster", "examples")
SUFFIXES = (".py", ".yaml", ".tpl", ".sh", ".html", ".proto")
# What Prometheus adds to the name of a family.
_ADDED = re.compile(r"_(total|bucket|count|sum|created)$")
_NAME = re.compile(r"\b(DOHYO_[A-Z][A-Z_]*[A-Z]|dohyo_[a-z]+_[a-z_]*[a-z]|x-dohyo-[a-z-]*[a-z])\b")


@cache
def known() -> frozenset[str]:
    files = [p for s in SOURCES for p in (REPOSITORY / s).rglob("*") if p.suffix in SUFFIXES]
    files.append(REPOSITORY / "Makefile")
    return frozenset(name for file in files for name in _NAME.findall(file.read_text()))


def is_known(name: str) -> bool:
    return not known().isdisjoint((name, _ADDED.sub("", name)))


@pytest.mark.parametrize("page", PAGES, ids=NAMES.get)
def test_a_page_names_only_what_the_sources_name(page: Path) -> None:
    names = sorted(set(_NAME.findall(page.read_text())))
    assert [name for name in names if not is_known(name)] == []


def test_names_are_found_in_pages_at_all() -> None:
    """Else the test above looks past them."""
    names = {name for page in PAGES for name in _NAME.findall(page.read_text())}
    assert len(names) > 50
    assert is_known("dohyo_rollout_ended_total")
    assert not is_known("dohyo_rollout_begun_total")
    assert not is_known("DOHYO_NEVER_SET")
