"""Pages lead only to what is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text())]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []
