"""The pages that people read, whatever folder they lie in."""

from __future__ import annotations

from cluster.paths import REPOSITORY

PAGES = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "charts").rglob("*.md")),
    *sorted((REPOSITORY / "charts").glob("*/templates/NOTES.txt")),
    *sorted((REPOSITORY / "benchmarks").rglob("README.md")),
    *sorted((REPOSITORY / "cluster").rglob("README.md")),
]
NAMES = {page: str(page.relative_to(REPOSITORY)) for page in PAGES}
